import type { Page } from "../../format/page.ts";
import { median } from "../../trainer/metrics/median.ts";
import { medianRatio, rounded } from "../ratio.ts";
import { BuiltCache } from "./built.ts";
import { emptyTally } from "./designs.ts";

const ROWS = 100_000;
const CANDIDATES = 500;
const LISTS = 200;
const ROUNDS = 31;

/** Nanoseconds to look a row up and copy it, for lists of candidates whose rows are all there. */
export interface LookupTimes {
  /** In the cache of rows. */
  rows: number;
  /** In cached pages, each by its key. */
  pages: number;
  /** The former divided by the latter, round by round. */
  ratio: number;
}

/** Looks lists of candidates up in the cache of rows and, in turns, in a map of whole pages. */
export function lookupTimes(): LookupTimes {
  const built = new BuiltCache(2 ** 24, ROWS, 0);
  built.request(
    Array.from({ length: ROWS }, (_, row) => row),
    emptyTally(),
  );
  const pages = new Map(Array.from({ length: built.pageCount }, (_, i) => [nameOf(i), built.page(i)] as const));
  const lists = Array.from({ length: LISTS }, (_, list) =>
    Array.from({ length: CANDIDATES }, (_, i) => (list * 7919 + i * 104_729) % ROWS),
  );
  const target = new Uint32Array(16 * CANDIDATES);
  const times = { rows: [] as number[], pages: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const rows = timeOf(lists, (list) => inRows(built, list, target));
    const inPage = timeOf(lists, (list) => inPages(built, pages, list, target));
    if (round === 0) continue; // it warms up
    times.rows.push(rows);
    times.pages.push(inPage);
  }
  const ratio = rounded(medianRatio(times.rows, times.pages));
  return { rows: rounded(median(times.rows)), pages: rounded(median(times.pages)), ratio };
}

function timeOf(lists: readonly number[][], lookUp: (list: readonly number[]) => void): number {
  const started = performance.now();
  for (const list of lists) lookUp(list);
  return (1e6 * (performance.now() - started)) / (LISTS * CANDIDATES);
}

function inRows({ keys, rows, pageCount }: BuiltCache, list: readonly number[], target: Uint32Array): void {
  list.forEach((row, i) => {
    const hi = keys[2 * row + 1];
    const number = rows.find(keys[2 * row], hi, Math.floor((hi * pageCount) / 2 ** 32));
    if (number < 0) throw new Error(`row ${row}: got ${number}, expected it in the cache`);
    rows.copy(number, target, 16 * i);
  });
}

/** A page is named by its digest and its place, as 32 hex digits and some. */
function nameOf(page: number): string {
  return `page/${page.toString(16).padStart(32, "0")}:${page}/250:1x16`;
}

/** As the Worker did before: the list's pages are gathered first, each by its name, and then asked for the rows. */
function inPages(
  { keys, pageCount }: BuiltCache,
  cached: ReadonlyMap<string, Page>,
  list: readonly number[],
  target: Uint32Array,
): void {
  const bytes = new Uint8Array(target.buffer);
  const pages = new Map<number, Page | undefined>();
  for (const row of list) pages.set(Math.floor((keys[2 * row + 1] * pageCount) / 2 ** 32), undefined);
  for (const number of pages.keys()) pages.set(number, cached.get(nameOf(number)));
  list.forEach((row, i) => {
    const hi = keys[2 * row + 1];
    const found = pages.get(Math.floor((hi * pageCount) / 2 ** 32))?.row(keys[2 * row], hi);
    if (!found) throw new Error(`row ${row}: expected it in its page`);
    bytes.set(found, 64 * i);
  });
}
