import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyzeExperiment } from "../../../../lab/analysis/experiment/analyze.ts";
import type { AnalysisOptions } from "../../../../lab/analysis/experiment/analyze-options.ts";
import { parsePlan } from "../../../../lab/analysis/experiment/plan.ts";
import type { Analysis, PhaseAnalysis } from "../../../../lab/analysis/experiment/result.ts";

type Options = Partial<Omit<AnalysisOptions, "logs" | "plan">>;

/** Writes lines into a folder, and judges the experiment that they tell of. */
export async function analyzed(lines: Iterable<string>, plan: object = {}, options: Options = {}): Promise<Analysis> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-analyze-"));
  try {
    writeFileSync(join(folder, "log.jsonl"), `${[...lines].join("\n")}\n`);
    return await analyzeExperiment({ logs: [folder], plan: parsePlan(plan), ...options });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The only phase of an analysis. */
export function onlyPhase({ phases }: Analysis): PhaseAnalysis {
  const [phase, ...others] = phases;
  if (phase === undefined || others.length > 0) throw new Error(`got ${phases.length} phases, expected one`);
  return phase;
}
