import { MAX_BATCH } from "../abi.ts";
import type { PageRows } from "../batch-filler.ts";
import type { Kernel } from "../kernel.ts";
import type { Scores } from "../scores.ts";
import { type EntryCatalogue, type FoundItems, ITEM_AT_HAND, ITEM_IN_PAGE, ITEM_UNKNOWN } from "./entry-catalogue.ts";
import { type ItemBatchFiller, ItemRecords } from "./item-records.ts";

/** What items are ranked with. */
export interface EntryRanking {
  catalogue: EntryCatalogue;
  kernel: Kernel;
  batches: ItemBatchFiller;
  /** How many fields an item has. */
  itemFields: number;
  /**
   * The scores of the items that the catalogue does not have, of which nothing but the id is known. With them the
   * kernel has taken the context.
   */
  unknown: Scores;
  /** Scores an item of a page that has not come by its id alone, by its position among all that pages may have. */
  scoreAlone(at: number): Scores;
}

/**
 * Ranks items of a catalogue of entries: those whose records are at hand, or in the pages that have come, as whole
 * candidates; the others by their ids alone. An item whose page has not come counts as so many missing rows as it has
 * fields, but for its id if the row of that is at hand.
 */
export function rankEntries(found: FoundItems, pages: ReadonlyMap<number, PageRows>, ranking: EntryRanking): Scores {
  const { states, records, keys } = found;
  const { catalogue, itemFields, unknown, scoreAlone } = ranking;
  const of = (state: number): Uint32Array => Uint32Array.from(states.keys()).filter((i) => states[i] === state);
  const result: Scores = {
    ...unknown,
    logits: new Float32Array(states.length),
    scores: new Float32Array(states.length),
  };
  const put = (item: number, from: Pick<Scores, "logits" | "scores">, at: number): void => {
    result.logits[item] = from.logits[at];
    result.scores[item] = from.scores[at];
  };
  of(ITEM_UNKNOWN).forEach((item, at) => {
    put(item, unknown, at);
  });
  scoreRecords(records, of(ITEM_AT_HAND), ranking, put);

  // Records of pages are not all copied at a time: a request may have thousands of them.
  const inPages = of(ITEM_IN_PAGE);
  const some = new ItemRecords(states.length);
  let taken: number[] = [];
  const flush = (): void => {
    scoreRecords(some, Uint32Array.from(taken), ranking, put);
    some.clear();
    taken = [];
  };
  inPages.forEach((item, at) => {
    const hi = keys[2 * item + 1];
    const page = pages.get(catalogue.pageOf(hi));
    const record = page?.row(keys[2 * item], hi);
    if (record) {
      some.add(item, wordsOf(record));
      taken.push(item);
      result.rowsFromPages++;
      if (taken.length === MAX_BATCH) flush();
      return;
    }
    const alone = scoreAlone(at);
    put(item, alone, 0);
    result.rowsMissing += alone.rowsMissing + (page ? 0 : itemFields - 1);
    result.rowsFromPages += alone.rowsFromPages;
  });
  flush();
  return result;
}

function scoreRecords(
  records: ItemRecords,
  items: Uint32Array,
  { kernel, batches }: EntryRanking,
  put: (item: number, from: Pick<Scores, "logits" | "scores">, at: number) => void,
): void {
  const of = { logits: new Float32Array(MAX_BATCH), scores: new Float32Array(MAX_BATCH) };
  for (let start = 0; start < items.length; ) {
    const { batch, end } = batches.fill(records, items, start);
    kernel.scoreCandidates(batch, of.logits, of.scores);
    for (let i = start; i < end; i++) put(items[i], of, i - start);
    start = end;
  }
}

/** The words of a record, which begins at a whole word of its page, or in memory of its own. */
function wordsOf(record: Uint8Array): Uint32Array {
  return new Uint32Array(record.buffer, record.byteOffset, record.byteLength / 4);
}
