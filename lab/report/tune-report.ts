import { show } from "../../format/errors.ts";
import { fixed } from "../../trainer/metrics/evaluation.ts";
import { settingsText } from "../sweeps/settings.ts";
import type { SearchSpace } from "../tune/space.ts";
import type { Trial } from "../tune/trial-log.ts";
import type { Tuned } from "../tune/tune.ts";
import { counted } from "./label.ts";
import { type Figure, facts, figures, folded, longTable, note, page, type Section } from "./page.ts";
import { drawingOf, historyFigure, METRIC_TEXT, type Metric, settingFigure } from "./tune-figures.ts";

export const TRIALS_HEAD = ["trial", "valid AUC", "logloss", "epochs", "settings"];

/** Trials as rows of text under TRIALS_HEAD. */
export function trialRows(trials: readonly Trial[]): string[][] {
  return trials.map(({ trial, valid, budget, settings }) => [
    `#${trial}`,
    fixed(valid.auc ?? Number.NaN, 5),
    fixed(valid.logloss ?? Number.NaN, 5),
    String(budget),
    settingsText(settings),
  ]);
}

/** The report of a search: how it went, what each setting does to the metric, and the best settings. */
export async function tuneReport({ spec, best, trials, history }: Tuned, space: SearchSpace): Promise<string> {
  const metric = judgedBy(spec, best);
  const drawing = drawingOf(history, metric);
  const diverged = history.filter(({ valid }) => valid[metric] === null).length;
  const settings = Object.entries(best.settings).map(([path, value]) => [path, show(value)] as const);
  const bestFacts = facts(
    [
      ["validation AUC", fixed(best.valid.auc ?? Number.NaN, 5)],
      ["validation logloss", fixed(best.valid.logloss ?? Number.NaN, 5)],
      ["epochs", `${best.epochs} of ${best.budget} at most`],
      ...settings,
    ],
    "The best trial",
  );
  const lost = [
    ...(diverged > 0 ? [`${diverged} diverged`] : []),
    ...(drawing.beyond > 0 ? [`${drawing.beyond} far from the others are triangles at the edge`] : []),
  ];
  const figuresNote = lost.length > 0 ? note(`Of ${counted(history.length, "training")} ${lost.join(", and ")}.`) : "";
  const bySetting: Figure[] = [];
  for (const [path, range] of Object.entries(space.parameters))
    bySetting.push(await settingFigure(path, range, drawing));
  const sections: Section[] = [
    { title: `The best settings, trial #${best.trial}`, html: bestFacts },
    { title: "The search", html: figuresNote + figures([await historyFigure(drawing), ...bySetting]) },
    { title: "All trials", html: longTable(TRIALS_HEAD, trialRows(trials), "All trials, the best first", [4]) },
    { title: "The spec with the best settings", html: folded("The feature spec", JSON.stringify(spec, null, 2)) },
  ];
  const lead =
    `${counted(trials.length, "trial")} in ${counted(history.length, "training")}, ` +
    `judged by ${METRIC_TEXT[metric]} on the validation log.`;
  return page(`${spec.name}: search for settings of ${spec.model.type}`, lead, sections);
}

/** What the trials were ranked by: what the spec monitors, or logloss where there is no AUC. */
function judgedBy({ training }: Pick<Tuned["spec"], "training">, best: Trial): Metric {
  const monitorsLogloss = "monitor" in training && training.monitor === "logloss";
  return best.valid.auc === null || monitorsLogloss ? "logloss" : "auc";
}
