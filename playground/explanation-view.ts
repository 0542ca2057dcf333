import type { ExplainAnswer } from "./api.ts";
import { element, scrolling } from "./dom.ts";
import { probabilityText, signedText } from "./numbers.ts";
import { bigScore, type View } from "./results.ts";

type Explanation = ExplainAnswer["explanations"][number];
type Term = [name: string, value: number];

/** Terms of one kind that are shown one by one; the others are shown as their sum. */
const SHOWN_TERMS = 10;

/** What a score is the sum of, as bars to the left and right of zero; the numbers beside them say the same. */
export function explanationView({ explanations }: ExplainAnswer): View {
  const [explanation] = explanations;
  if (!explanation) return { summary: "Nothing to explain", content: [] };
  const { score, logit, bias, linear, pairs, deep, calibration } = explanation;
  const groups: [string, Term[]][] = [
    ["Every record", [["bias", bias]]],
    ["Fields, by themselves", largest(Object.entries(linear), "fields")],
    [
      "Pairs of fields",
      largest(
        pairs.map(({ fields, value }): Term => [fields.join(" × "), value]),
        "pairs",
      ),
    ],
    ["All fields together", [["network", deep]]],
    ["After training", [["calibration", calibration]]],
  ];
  const shown = groups.filter(([, terms]) => terms.length > 0);
  const most = Math.max(...shown.flatMap(([, terms]) => terms.map(([, value]) => Math.abs(value))), Number.MIN_VALUE);
  const table = element(
    "table",
    { class: "terms" },
    element("thead", {}, element("tr", {}, head("term"), element("td"), head("adds"))),
    ...shown.map(([title, terms]) => group(title, terms, most)),
    element("tfoot", {}, sumRow("sum, the logit", logit)),
  );
  const odds = element("p", { class: "hint" }, `The score is 1 / (1 + exp(−logit)). ${check(explanation)}`);
  return {
    summary: `Score ${probabilityText(score)}, the logit is ${signedText(logit)}`,
    content: [bigScore(score, `the sigmoid of ${signedText(logit)}`), scrolling("Terms of the score", table), odds],
    showsIt: true,
  };
}

/** The terms that matter most, and the sum of the rest. */
function largest(terms: readonly Term[], what: string): Term[] {
  const sorted = terms.toSorted(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  // One that would be alone in the rest is shown itself.
  if (sorted.length <= SHOWN_TERMS + 1) return sorted;
  const rest = sorted.slice(SHOWN_TERMS);
  const sum = rest.reduce((total, [, value]) => total + value, 0);
  return [...sorted.slice(0, SHOWN_TERMS), [`${rest.length} other ${what}`, sum]];
}

function check({ logit, bias, linear, pairs, deep, calibration }: Explanation): string {
  const terms = [bias, ...Object.values(linear), ...pairs.map(({ value }) => value), deep, calibration];
  const sum = terms.reduce((total, term) => total + term, 0);
  const difference = Math.abs(sum - logit);
  return `The terms add up to it${difference > 0 ? ` but for ${difference.toExponential(0)}` : ""}.`;
}

function group(title: string, terms: readonly Term[], most: number): HTMLElement {
  return element(
    "tbody",
    {},
    element("tr", {}, element("th", { colspan: "3", scope: "rowgroup" }, title)),
    ...terms.map(([name, value]) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, name),
        element("td", { class: "bar" }, bar(value, most)),
        element("td", {}, signedText(value)),
      ),
    ),
  );
}

function sumRow(name: string, value: number): HTMLElement {
  return element("tr", {}, element("th", { scope: "row" }, name), element("td"), element("td", {}, signedText(value)));
}

function head(name: string): HTMLElement {
  return element("th", { scope: "col" }, name);
}

function bar(value: number, most: number): HTMLElement {
  const fill = element("i", { class: value < 0 ? "minus" : "plus" });
  fill.style.width = `${(50 * Math.abs(value)) / most}%`;
  return element("div", { class: "track zero", "aria-hidden": "true" }, fill);
}
