import type { Column } from "./column.ts";
import { isAttributeOf } from "./dependency.ts";
import type { Side } from "./draft.ts";
import type { LabelChoice } from "./label.ts";
import { isItemName, isPositionName, isUserName, itemIdScore, userIdScore } from "./names.ts";
import type { Survey } from "./survey.ts";
import { isTimeName } from "./times.ts";

/** Columns that others are held against. */
export interface Roles {
  item: Column | null;
  user: Column | null;
  /** When records were made. */
  time: Column | null;
}

export function rolesOf({ columns }: Survey, label: LabelChoice): Roles {
  const others = columns.filter((column) => column !== label.column && column.values.length > 1);
  const ids = others.filter(
    ({ reading, values, of }) => ["text", "number"].includes(reading.kind) && values.length < of.length,
  );
  return { item: best(ids, itemIdScore), user: best(ids, userIdScore), time: mainTime(others) };
}

/** The column with the best score, above 0; of equals the one with most values. */
function best(columns: readonly Column[], score: (name: string) => number): Column | null {
  const scored = columns.map((column) => ({ column, score: score(column.name) })).filter((one) => one.score > 0);
  scored.sort((a, b) => b.score - a.score || b.column.values.length - a.column.values.length);
  return scored[0]?.column ?? null;
}

/** The time that says when records were made: the one with most different values, by its name first. */
function mainTime(columns: readonly Column[]): Column | null {
  const times = columns.filter(({ reading, absent }) => reading.kind === "time" && absent === 0);
  times.sort((a, b) => Number(isTimeName(b.name)) - Number(isTimeName(a.name)) || b.values.length - a.values.length);
  return times[0] ?? null;
}

/** A side, and why. */
export interface SideGuess {
  side: Side;
  reason: string;
}

/** The side of a column: what follows from an item is the item's, and so is what is named as such. */
export function guessSide(column: Column, { item, user, time }: Roles): SideGuess {
  const { name } = column;
  if (column === item) return { side: "item", reason: "item side, by its name" };
  if (column === time) return { side: "context", reason: "context side, as a request has one time" };
  if (isPositionName(name)) return { side: "context", reason: "" };
  if (column === user || isUserName(name)) return { side: "context", reason: "context side, by its name" };
  if (item && isAttributeOf(column, item) && !(user && isAttributeOf(column, user)))
    return { side: "item", reason: `item side, as it follows from ${item.name}` };
  if (isItemName(name)) return { side: "item", reason: "item side, by its name" };
  if (item) return { side: "context", reason: `context side, as it differs within one ${item.name}` };
  return { side: "context", reason: "context side, as no column names items" };
}
