/** The files of a run's folder when `train` has ended, in the order of their names. */
export const RUN_FILES = [
  "evaluation.json",
  "hash-key",
  "metrics.jsonl",
  "model.safetensors",
  "profile.json",
  "report.html",
  "run.json",
];
