import type { Column } from "./column.ts";
import { saysTheSame } from "./dependency.ts";
import type { LabelChoice } from "./label.ts";
import { leakOf } from "./leak.ts";
import { isCategorical } from "./log-numbers.ts";
import { isIdName, isPropensityName, labelRank } from "./names.ts";
import type { Roles } from "./roles.ts";
import type { Survey } from "./survey.ts";
import { count, share } from "./words.ts";

/** Why no field is made of a column. */
export interface LeftOut {
  /** For a table. */
  short: string;
  reason: string;
  warning?: string;
}

/** A column of as many values as this share of its records is one of ids of their own. */
const UNIQUE = 0.99;
/** Records below which that says nothing. */
const FEW_RECORDS = 50;
/** Share of the last tenth's values that never came before, from which on a column tells nothing of later records. */
const NEVER_AGAIN = 0.95;
const MANY_VALUES = 100;

/** Why no field is made of a column; null where one is. `labels`: that of each record, 255 where there is none. */
export function reasonToLeaveOut(
  column: Column,
  { columns }: Survey,
  label: LabelChoice,
  labels: Uint8Array,
  roles: Roles,
): LeftOut | null {
  const { name, reading, values, counts, of, absent } = column;
  const records = of.length;
  const present = records - absent;
  if (name === "" || name.length > 128)
    return { short: "no name", reason: "a field needs a name of 1 to 128 characters" };
  if (reading.kind === "empty") return { short: "no value", reason: "it has no value" };
  if (reading.kind === "nested")
    return {
      short: "nested",
      reason: "its values are objects or lists in lists: data.select can take a value out of them",
    };
  if (values.length === 1 && absent === 0) return { short: "constant", reason: `it is ${values[0]} in all records` };

  const leak = leakOf(column, labels);
  if (leak)
    return {
      short: "tells the label",
      reason: `${leak.reason}: it seems to be written after the click`,
      warning: `${name}: ${leak.reason}, so it is left out; nobody can know it before the click`,
    };
  if (labelRank(name) >= 0 && values.length <= 2)
    return {
      short: "another label",
      reason: "by its name it says what came of a record, which is known only afterwards",
    };
  if (isPropensityName(name))
    return { short: "propensity", reason: "it is the chance with which the record was shown, and no feature" };
  if (reading.kind === "time" && column === roles.time) return null;
  if (reading.kind === "time" && absent === 0 && monthOf(reading.least) === monthOf(reading.most))
    return { short: "one month", reason: `all its times are in ${monthOf(reading.least)}` };

  const whole =
    reading.kind !== "number" ||
    isCategorical(column, reading) ||
    (reading.facts.whole && reading.facts.most - reading.facts.least <= 2 * records);
  if (
    records >= FEW_RECORDS &&
    values.length >= UNIQUE * present &&
    present > records / 2 &&
    whole &&
    reading.kind !== "list" &&
    reading.kind !== "time"
  )
    return {
      short: "unique per row",
      reason: `it has ${count(values.length)} values in ${count(present)} records, so no later record has one of them`,
    };
  if (reading.kind === "text" || (reading.kind === "number" && isIdName(name))) {
    const fresh = freshShare(of, counts);
    if (values.length > MANY_VALUES && fresh >= NEVER_AGAIN)
      return {
        short: "values never return",
        reason: `${share(fresh)} of the last records have a value that no earlier one has`,
      };
    const twin = columns.find(
      (other) =>
        other !== column &&
        other !== label.column &&
        isKept(other, column, columns, roles) &&
        saysTheSame(column, other),
    );
    if (twin && !isProse(column))
      return {
        short: `same as ${twin.name}`,
        reason: `it follows from ${twin.name}, and ${twin.name} from it, so it says nothing more`,
      };
  }
  return null;
}

function monthOf(seconds: number): string {
  return new Date(1000 * seconds).toISOString().slice(0, "2024-12".length);
}

/** Of two columns that say the same the one that is kept: the item's or the user's id, then any id, then the first. */
function isKept(other: Column, column: Column, columns: readonly Column[], { item, user }: Roles): boolean {
  if (other.reading.kind !== "text" && other.reading.kind !== "number") return false;
  const rank = (one: Column): number => (one === item || one === user ? 2 : isIdName(one.name) ? 1 : 0);
  if (rank(other) !== rank(column)) return rank(other) > rank(column);
  return other.reading.kind === column.reading.kind && columns.indexOf(other) < columns.indexOf(column);
}

/** Whether a column's texts are phrases, whose words say more than the whole. */
function isProse({ values }: Column): boolean {
  const phrases = values.filter((text) => text.trim().split(/\s+/).length > 1);
  return values.length > MANY_VALUES && phrases.length > values.length / 2;
}

/** The share of the last tenth's records whose value the earlier ones do not have. */
function freshShare(of: Int32Array, counts: readonly number[]): number {
  const from = Math.floor(0.9 * of.length);
  const before = new Uint8Array(counts.length);
  for (let i = 0; i < from; i++) if (of[i] >= 0) before[of[i]] = 1;
  let [fresh, total] = [0, 0];
  for (let i = from; i < of.length; i++) {
    if (of[i] < 0) continue;
    total++;
    fresh += 1 - before[of[i]];
  }
  return total === 0 ? 0 : fresh / total;
}
