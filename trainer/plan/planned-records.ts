import type { EncodedRecords } from "../../format/encoded-records.ts";
import type { Vocabulary } from "../data/vocabulary.ts";

/** Records of a log, as far as their rows matter. */
export interface PlannedRecords {
  count: number;
  /** F */
  fields: number;
  /** N·F + 1 entry numbers, as in EncodedRecords. */
  offsets: Uint32Array;
  /** By entry: its row; one below F where its key has none. */
  rows: Uint32Array;
  /** By entry: its key, two words. */
  keys: Uint32Array;
  /** By entry: its field. */
  fieldOf: Uint16Array;
}

/** Collects encoded records, up to `most` of them. */
export class RecordCollector {
  readonly #vocabulary: Vocabulary;
  readonly #most: number;
  readonly #offsets: number[] = [0];
  #rows = new Uint32Array(1024);
  #keys = new Uint32Array(2048);
  #fieldOf = new Uint16Array(1024);
  #count = 0;
  #entries = 0;

  constructor(vocabulary: Vocabulary, most: number) {
    this.#vocabulary = vocabulary;
    this.#most = most;
  }

  get isFull(): boolean {
    return this.#count >= this.#most;
  }

  add({ count, offsets, keys }: EncodedRecords): void {
    const { fields } = this.#vocabulary;
    for (let record = 0; record < count && !this.isFull; record++, this.#count++) {
      for (let field = 0; field < fields; field++) {
        const cell = record * fields + field;
        for (let entry = offsets[cell]; entry < offsets[cell + 1]; entry++)
          this.#addEntry(field, keys[2 * entry], keys[2 * entry + 1]);
        this.#offsets.push(this.#entries);
      }
    }
  }

  records(): PlannedRecords {
    return {
      count: this.#count,
      fields: this.#vocabulary.fields,
      offsets: Uint32Array.from(this.#offsets),
      rows: this.#rows.slice(0, this.#entries),
      keys: this.#keys.slice(0, 2 * this.#entries),
      fieldOf: this.#fieldOf.slice(0, this.#entries),
    };
  }

  #addEntry(field: number, lo: number, hi: number): void {
    const entry = this.#entries++;
    if (entry === this.#rows.length) {
      this.#rows = grown(this.#rows, new Uint32Array(2 * entry));
      this.#fieldOf = grown(this.#fieldOf, new Uint16Array(2 * entry));
      this.#keys = grown(this.#keys, new Uint32Array(4 * entry));
    }
    this.#rows[entry] = this.#vocabulary.row(field, lo, hi);
    this.#fieldOf[entry] = field;
    this.#keys[2 * entry] = lo;
    this.#keys[2 * entry + 1] = hi;
  }
}

function grown<T extends Uint32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** A request: entries of records, those of its context first. */
export interface PlannedRequest {
  entries: Uint32Array;
  /** How many of the entries are the context's. */
  contextEntries: number;
  /** Scores that the context takes part in. */
  contextUses: number;
}

/** Each record as a request of its own, from record `first` on; after the last one the first follows. */
export function* scoreRequests(records: PlannedRecords, first: number, count: number): Generator<PlannedRequest> {
  const { offsets, fields } = records;
  for (let i = 0; i < count; i++) {
    const record = (first + i) % records.count;
    const [from, to] = [offsets[record * fields], offsets[(record + 1) * fields]];
    const entries = Uint32Array.from({ length: to - from }, (_, e) => from + e);
    yield { entries, contextEntries: 0, contextUses: 1 };
  }
}

/** [F] Which fields are an item's. */
export type ItemFields = readonly boolean[];

/**
 * Requests to rank: the context of one record, and the items of the next `candidates` records of `order`, all of the
 * records in random order, so that an item is as frequent as in the log. Request i begins at i · candidates of it.
 */
export function* rankRequests(
  records: PlannedRecords,
  isItem: ItemFields,
  { first, count, candidates }: { first: number; count: number; candidates: number },
  order: Uint32Array,
): Generator<PlannedRequest> {
  const { offsets, fields } = records;
  const add = (entries: number[], record: number, item: boolean): void => {
    for (let field = 0; field < fields; field++) {
      if (isItem[field] !== item) continue;
      const cell = record * fields + field;
      for (let entry = offsets[cell]; entry < offsets[cell + 1]; entry++) entries.push(entry);
    }
  };
  for (let i = first; i < first + count; i++) {
    const entries: number[] = [];
    add(entries, i % records.count, false);
    const contextEntries = entries.length;
    for (let candidate = 0; candidate < candidates; candidate++) {
      add(entries, order[(i * candidates + candidate) % records.count], true);
    }
    yield { entries: Uint32Array.from(entries), contextEntries, contextUses: candidates };
  }
}
