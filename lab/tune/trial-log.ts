import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { namedValues } from "../../format/named-values.ts";
import { parseJson, parseWith } from "../../format/parse.ts";
import { writeWhole } from "../../trainer/io/files.ts";

// The trials of a search: one JSON line each, appended when the trial ends.

const metric = v.nullable(v.number());
const TrialSchema = v.object({
  /** A digest of all that the outcome depends on. */
  key: v.string(),
  trial: v.number(),
  /** The most epochs that the trial was allowed. */
  budget: v.number(),
  settings: namedValues(v.string(), v.unknown()),
  /**
   * Of the best epoch, on the validation log. Both are null where the loss diverged; AUC alone where the log has one
   * class.
   */
  valid: v.object({ auc: metric, logloss: metric }),
  /** Epochs trained; fewer than the budget where training stopped early. */
  epochs: v.number(),
  seconds: v.number(),
});
export type Trial = v.InferOutput<typeof TrialSchema>;

export class TrialLog {
  readonly #path: string;
  readonly #trials = new Map<string, Trial>();

  /**
   * Opens a log, or begins one. Removes a last line that a kill cut short. Throws FormatError where another line is no
   * trial.
   */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    for (const [i, line] of whole.split("\n").slice(0, -1).entries()) {
      const place = `${path}, line ${i + 1}`;
      const trial = parseWith(TrialSchema, parseJson(line, place), place);
      this.#trials.set(trial.key, trial);
    }
    if (whole !== text) writeWhole(path, whole);
  }

  get(key: string): Trial | undefined {
    return this.#trials.get(key);
  }

  add(trial: Trial): void {
    appendFileSync(this.#path, `${JSON.stringify(trial)}\n`, { flush: true });
    this.#trials.set(trial.key, trial);
  }
}
