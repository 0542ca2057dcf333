import { topValues, topValuesText } from "../../trainer/profile/top-values.ts";
import type { Column } from "./column.ts";
import type { Plan } from "./plan.ts";
import { count, share } from "./words.ts";

/** The table of a log's columns: what each is, and what was chosen for it. */
export const PLAN_HEAD = ["column", "is", "distinct", "missing", "top values", "chosen"];

const TOP = 3;
/** Columns of a terminal that the rest of the table takes, and the fewest that are left for the values. */
const OTHERS = 96;
const LEAST = 20;

/** `columns`: those of the terminal. */
export function planRows(plan: Plan, columns: number): string[][] {
  const room = Math.max(LEAST, columns - OTHERS);
  return plan.columns.map(({ column, chosen }) => [
    oneLine(column.name),
    kindText(column),
    distinct(column) === 0 ? "–" : count(distinct(column)),
    column.absent === 0 ? "–" : share(column.absent / column.of.length),
    topText(column, room),
    chosen,
  ]);
}

/** A name may hold anything, also ends of lines. */
function oneLine(name: string): string {
  return name.replace(/\p{Cc}/gu, " ");
}

function distinct({ reading, values }: Column): number {
  return reading.kind === "list" ? reading.elements.size : values.length;
}

function topText({ reading, values, counts, of }: Column, room: number): string {
  const isList = reading.kind === "list";
  const [texts, uses] = isList ? [[...reading.elements.keys()], [...reading.elements.values()]] : [values, counts];
  return topValuesText(topValues(texts, uses, TOP), of.length, room);
}

function kindText({ reading }: Column): string {
  if (reading.kind === "list") return reading.style?.syntax ? `${reading.style.syntax} list` : "list";
  return reading.kind;
}
