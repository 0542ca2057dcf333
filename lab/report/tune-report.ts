import { counted } from "../../format/counted.ts";
import { show } from "../../format/errors.ts";
import { fixed } from "../../trainer/metrics/evaluation.ts";
import { settingsText } from "../sweeps/settings.ts";
import { isDiverged, type Judged, judgedBy, metricName } from "../tune/judge.ts";
import type { SearchSpace } from "../tune/space.ts";
import type { Trial } from "../tune/trial-log.ts";
import type { Tuned } from "../tune/tune.ts";
import { type Figure, facts, figures, folded, longTable, note, page, type Section } from "./page.ts";
import { drawingOf, historyFigure, settingFigure } from "./tune-figures.ts";

/** The metrics of a trial, first the one that trials are judged by. */
function metricsOf(judged: Judged): readonly Judged[] {
  return judged === "loss" ? ["loss"] : judged === "auc" ? ["auc", "logloss"] : ["logloss", "auc"];
}

export function trialsHead(judged: Judged): string[] {
  const [first = judged, ...others] = metricsOf(judged);
  return ["trial", `valid ${metricName(first)}`, ...others.map(metricName), "epochs", "settings"];
}

/** Trials as rows of text under `trialsHead`. */
export function trialRows(trials: readonly Trial[], judged: Judged): string[][] {
  return trials.map(({ trial, valid, budget, settings }) => [
    `#${trial}`,
    ...metricsOf(judged).map((metric) => fixed(valid[metric] ?? Number.NaN, 5)),
    String(budget),
    settingsText(settings),
  ]);
}

/** The report of a search: how it went, what each setting does to the metric, and the best settings. */
export async function tuneReport({ spec, best, trials, history }: Tuned, space: SearchSpace): Promise<string> {
  const judged = judgedBy(spec);
  // A log of one class has no AUC, and its trials are ranked by logloss.
  const metric = judged === "auc" && best.valid.auc === null ? "logloss" : judged;
  const drawing = drawingOf(history, metric);
  const diverged = history.filter(({ valid }) => isDiverged(valid)).length;
  const settings = Object.entries(best.settings).map(([path, value]) => [path, show(value)] as const);
  const bestFacts = facts(
    [
      ...metricsOf(judged).map(
        (one) => [`validation ${metricName(one)}`, fixed(best.valid[one] ?? Number.NaN, 5)] as const,
      ),
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
    {
      title: "All trials",
      html: longTable(trialsHead(judged), trialRows(trials, judged), "All trials, the best first", [
        trialsHead(judged).length - 1,
      ]),
    },
    { title: "The spec with the best settings", html: folded("The feature spec", JSON.stringify(spec, null, 2)) },
  ];
  const lead =
    `${counted(trials.length, "trial")} in ${counted(history.length, "training")}, ` +
    `judged by ${metricName(metric)} on the validation log.`;
  return page("tune", `${spec.name}: search for settings of ${spec.model.type}`, lead, sections);
}
