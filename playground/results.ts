import type { AboutAnswer, RankedAnswer, ScoreAnswer } from "./api.ts";
import { element, scrolling } from "./dom.ts";
import { percentText, probabilityText, shortText } from "./numbers.ts";

/** An answer as the page shows it: what is read out in a sentence, and all of it. */
export interface View {
  summary: string;
  content: Node[];
  /** Whether the content shows what the summary says, which is then only read out. */
  showsIt?: boolean;
}

export function scoreView({ scores }: ScoreAnswer): View {
  const [score = Number.NaN] = scores;
  return {
    summary: `Score ${probabilityText(score)}`,
    content: [bigScore(score, "the probability of a click"), meter(score, 1, "meter")],
    showsIt: true,
  };
}

export function bigScore(score: number, what: string): HTMLElement {
  return element(
    "p",
    { class: "score" },
    element("strong", {}, probabilityText(score)),
    element("span", { class: "hint" }, `${percentText(score)}, ${what}`),
  );
}

/** The best first. `bids`: whether the order is by score × bid. */
export function rankView({ items }: RankedAnswer): View {
  const first = items[0];
  const valued = items.some(({ value }) => value !== undefined);
  const amount = (item: RankedAnswer["items"][number]): number => item.value ?? item.score;
  const most = Math.max(...items.map(amount), Number.MIN_VALUE);
  const head = ["rank", "id", valued ? "value" : null, "score", ""].filter((name) => name !== null);
  const rows = items.map((item) =>
    element(
      "tr",
      {},
      element("td", {}, String(item.rank)),
      element("th", { scope: "row" }, String(item.id)),
      valued ? element("td", {}, shortText(item.value ?? Number.NaN)) : null,
      element("td", {}, shortText(item.score)),
      element("td", { class: "bar" }, meter(amount(item), most)),
    ),
  );
  const table = element(
    "table",
    { class: "ranking" },
    element("thead", {}, element("tr", {}, ...head.map((name) => heading(name)))),
    element("tbody", {}, ...rows),
  );
  const count = `Ranked ${items.length} ${items.length === 1 ? "candidate" : "candidates"}`;
  return {
    summary: first ? `${count}; the first is ${first.id}, with the score ${probabilityText(first.score)}` : count,
    content: [scrolling("Ranking", table)],
  };
}

function heading(name: string): HTMLElement {
  return name === "" ? element("td") : element("th", { scope: "col" }, name);
}

/** A bar for a part of a whole, which a text beside it says too. */
function meter(value: number, most: number, kind = ""): HTMLElement {
  const fill = element("i");
  fill.style.width = `${Math.min(100, (100 * value) / most)}%`;
  return element("div", { class: `track ${kind}`.trim(), "aria-hidden": "true" }, fill);
}

const DEGRADED = {
  deadline: "KV was too slow",
  unavailable: "they could not be read",
  limit: "the request needs more keys",
};

/** What an answer says beside its scores, in sentences. */
export function remarks({ fallback, degraded, unseen = {} }: AboutAnswer): string[] {
  const counts = Object.entries(unseen).map(([field, count]) => (count > 1 ? `${field} (${count})` : field));
  const values = degraded?.rows === 1 ? "1 value was" : `${degraded?.rows} values were`;
  return [
    ...(fallback ? [`The default model scored this, in place of ${fallback.from}: ${fallback.reason}.`] : []),
    ...(degraded
      ? [`Degraded: ${values} scored as if never seen, since ${DEGRADED[degraded.reason]}. Try again.`]
      : []),
    ...(counts.length > 0 ? [`Not seen in training, or too seldom: ${counts.join(", ")}.`] : []),
  ];
}
