import { auc } from "../../trainer/metrics/auc.ts";
import type { Column } from "./column.ts";

// Columns that say what the label is: they were written after the click, or are made of it.

export interface Leak {
  /** How well the column alone tells clicks, by its missing values or by its values. */
  reason: string;
}

/** Clicks, and records without one, below which nothing is said. */
const FEW = 10;
/** The AUC of a column alone from which on it is taken for the label in other words. */
const TELLS = 0.99;
/** A value that only clicks have, and this share of them at least. */
const ONLY_CLICKS = 0.2;
/** Different values that are looked at one by one. */
const FEW_VALUES = 100;

/** Whether a column tells the label. `labels`: that of each record; 255 where there is none. */
export function leakOf(column: Column, labels: Uint8Array): Leak | null {
  const clicks = labels.reduce((sum, label) => sum + (label === 1 ? 1 : 0), 0);
  const others = labels.reduce((sum, label) => sum + (label === 0 ? 1 : 0), 0);
  if (clicks < FEW || others < FEW) return null;

  const [present, absent] = splitByPresence(column, labels);
  if (absent[1] === 0 && present[0] === 0) return { reason: "it is missing exactly where there is no click" };
  if (absent[0] === 0 && present[1] === 0) return { reason: "it is missing exactly where there is a click" };
  // Missing for nearly all without a click, and there for all clicks.
  if (absent[1] === 0 && present[1] >= FEW && present[0] < 0.001 * others && absent[0] > 0)
    return { reason: `it is there for all clicks, and for ${present[0]} of ${others} records without one` };

  if (column.values.length <= FEW_VALUES) {
    const own = column.values.map(() => [0, 0]);
    for (let i = 0; i < labels.length; i++) if (column.of[i] >= 0 && labels[i] < 2) own[column.of[i]][labels[i]]++;
    const telling = own.findIndex(([no, yes]) => no === 0 && yes >= FEW && yes >= ONLY_CLICKS * clicks);
    // Where half of all records are clicks, ten of them in a row are no wonder.
    if (telling >= 0 && chance(clicks / (clicks + others), own[telling][1]) < 1e-6)
      return { reason: `all ${own[telling][1]} records with the value ${column.values[telling]} are clicks` };
  }
  const auc = columnAuc(column, labels);
  return auc >= TELLS ? { reason: `its AUC alone is ${auc.toFixed(3)}` } : null;
}

/** The probability that so many records are all clicks. */
function chance(rate: number, records: number): number {
  return rate ** records;
}

/** Records without and with a click, where the column is there and where it is not. */
function splitByPresence(column: Column, labels: Uint8Array): [[number, number], [number, number]] {
  const present: [number, number] = [0, 0];
  const absent: [number, number] = [0, 0];
  for (let i = 0; i < labels.length; i++)
    if (labels[i] < 2) (column.of[i] < 0 ? absent : present)[labels[i] as 0 | 1]++;
  return [present, absent];
}

/**
 * The AUC of a column alone: of its numbers, in either order, and of the click rates of its values. Those are counted
 * in every second record and judged by the others, so that an id of its own for every record tells nothing.
 */
function columnAuc(column: Column, labels: Uint8Array): number {
  const clicks = column.values.map(() => 0);
  const records = column.values.map(() => 0);
  for (let i = 0; i < labels.length; i += 2) {
    if (labels[i] > 1 || column.of[i] < 0) continue;
    records[column.of[i]]++;
    clicks[column.of[i]] += labels[i];
  }
  const rate = labels.reduce((sum, label) => sum + (label === 1 ? 1 : 0), 0) / labels.length;
  const rates = column.values.map((_, v) => (clicks[v] + rate) / (records[v] + 1));
  const byRate = aucOf(labels, 1, (i) => (column.of[i] < 0 ? rate : rates[column.of[i]]));
  if (!column.numbers) return byRate;
  const { numbers } = column;
  const byNumber = aucOf(labels, 0, (i) => (column.of[i] < 0 ? Number.NaN : numbers[column.of[i]]));
  return Math.max(byRate, byNumber, 1 - byNumber);
}

/** The AUC of a score, over every second record (`from` 1) or all of them (0). Records without a score are left out. */
function aucOf(labels: Uint8Array, from: 0 | 1, score: (i: number) => number): number {
  const scores: number[] = [];
  const known: number[] = [];
  for (let i = from; i < labels.length; i += 1 + from) {
    const s = score(i);
    if (labels[i] > 1 || !Number.isFinite(s)) continue;
    scores.push(s);
    known.push(labels[i]);
  }
  const area = auc(Float64Array.from(scores), Uint8Array.from(known));
  return Number.isNaN(area) ? 0.5 : area; // of one class
}
