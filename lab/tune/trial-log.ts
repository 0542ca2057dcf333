import { existsSync } from "node:fs";
import * as v from "valibot";
import { namedValues } from "../../format/named-values.ts";
import { readWhole, writeWhole } from "../../trainer/io/files.ts";
import { readJsonText, withChecksum } from "../../trainer/io/json-file.ts";
import { warn } from "../../trainer/terminal/warning.ts";

// The trials of a search: one line each, of JSON with its checksum, added when the trial ends.

const metric = v.nullable(v.number());
const TrialSchema = v.object({
  /** A digest of all that the outcome depends on. */
  key: v.string(),
  trial: v.number(),
  /** The most epochs that the trial was allowed. */
  budget: v.number(),
  settings: namedValues(v.string(), v.unknown()),
  /**
   * Of the best epoch, on the validation log. Null where the metric does not exist, as AUC of a log of one class; both
   * are where the loss diverged, and where the model learns by the in-batch loss: it then has `loss`, its own.
   */
  valid: v.object({ auc: metric, logloss: metric, loss: v.exactOptional(v.number()) }),
  /** Epochs trained; fewer than the budget where training stopped early. */
  epochs: v.number(),
  seconds: v.number(),
});
export type Trial = v.InferOutput<typeof TrialSchema>;

export class TrialLog {
  readonly #path: string;
  readonly #trials = new Map<string, Trial>();
  /** The lines of the file. */
  #text = "";

  /** Opens a log, or begins one. Throws FormatError where a line is no trial, or damaged. */
  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    const text = readWhole(path).toString("utf8");
    // Earlier versions appended lines, so that a kill could cut the last one short.
    this.#text = text.slice(0, text.lastIndexOf("\n") + 1);
    if (this.#text !== text) {
      warn(`${path}: the last line is cut short: its trial is trained again`);
      writeWhole(path, this.#text);
    }
    for (const [i, line] of this.#text.split("\n").slice(0, -1).entries()) {
      const trial = readJsonText(line, TrialSchema, `${path}, line ${i + 1}`);
      this.#trials.set(trial.key, trial);
    }
  }

  get(key: string): Trial | undefined {
    return this.#trials.get(key);
  }

  /** Adds a trial. Throws UserError where the system refuses to write it. */
  add(trial: Trial): void {
    const text = `${this.#text}${JSON.stringify(withChecksum(trial))}\n`;
    writeWhole(this.#path, text);
    this.#text = text;
    this.#trials.set(trial.key, trial);
  }
}
