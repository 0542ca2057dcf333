import type { Column } from "./column.ts";

// Which column's values follow from another one's: a price from an item, a country's name from its code.

/**
 * The share of records whose value of `column` is the most frequent one that goes with their value of `from`, among
 * those whose value of `from` several records have: 1 where it follows from that. A missing value is a value here. NaN
 * where no value of `from` comes twice.
 */
export function followsFrom(column: Column, from: Column): number {
  const pairs = new Map<number, Map<number, number>>();
  for (let i = 0; i < from.of.length; i++) {
    const key = from.of[i];
    if (key < 0 || from.counts[key] < 2) continue;
    const known = pairs.get(key);
    const value = column.of[i];
    if (known) known.set(value, (known.get(value) ?? 0) + 1);
    else pairs.set(key, new Map([[value, 1]]));
  }
  let [agree, total] = [0, 0];
  for (const counts of pairs.values()) {
    const list = [...counts.values()];
    // The first record of a value agrees with itself.
    agree += Math.max(...list) - 1;
    total += list.reduce((a, b) => a + b, 0) - 1;
  }
  return agree / total;
}

/** The share of a column's most frequent value: what `followsFrom` is at least. */
function largestShare(column: Column): number {
  const records = column.of.length;
  return column.counts.reduce((most, count) => Math.max(most, count), column.absent) / records;
}

/** Share of the records from which on a value is said to follow from another; the others are slips of the log. */
const FOLLOWS = 0.995;
/** A column of one value follows from everything. */
const SAME = 0.98;

/** Whether a column's values follow from those of another, and not only because they are nearly all the same. */
export function isAttributeOf(column: Column, from: Column): boolean {
  return largestShare(column) < SAME && followsFrom(column, from) >= FOLLOWS;
}

/** Different values below which two columns may agree by chance. */
const FEW_VALUES = 3;
/** Of the values of two columns, the share that must have one of their own in the other. */
const ALIKE = 0.95;

/** Whether each of two columns follows from the other, so that the second says nothing that the first does not. */
export function saysTheSame(a: Column, b: Column): boolean {
  const [fewer, more] = [Math.min(a.values.length, b.values.length), Math.max(a.values.length, b.values.length)];
  if (fewer < FEW_VALUES || fewer < ALIKE * more) return false;
  return isAttributeOf(a, b) && isAttributeOf(b, a);
}
