import { DOUBLE, type DuckDBConnection, DuckDBDataChunk, UINTEGER, USMALLINT } from "@duckdb/node-api";
import { openDuckDb } from "./duckdb.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Different keys that are counted in memory, 30 bytes each; then their counts move to DuckDB, which spills to disk. */
const KEYS_IN_MEMORY = 2 ** 20;
/** Rows of a DuckDB data chunk. */
const CHUNK_ROWS = 2048;
const TYPES = [USMALLINT, UINTEGER, UINTEGER, DOUBLE, DOUBLE];

/**
 * Counts row keys, however many different ones there are, in bounded memory: a hash table of the recent ones, emptied into a
 * DuckDB table when it is full, which is grouped at the end. Only keys that are kept come back.
 */
export class KeyCounter {
  readonly #fields: number;
  readonly #capacity: number;
  readonly #connection: DuckDBConnection;
  /** Uses of each field's entries. */
  readonly #totals: Float64Array;
  // Open addressing, at most half full. A slot without uses is free.
  readonly #keys: Uint32Array;
  readonly #field: Uint16Array;
  readonly #uses: Uint32Array;
  /** When each key was first seen: its number among all entries. */
  readonly #first: Float64Array;
  #size = 0;
  #entries = 0;

  private constructor(fields: number, capacity: number, connection: DuckDBConnection) {
    this.#fields = fields;
    this.#capacity = capacity;
    this.#connection = connection;
    this.#totals = new Float64Array(fields);
    this.#keys = new Uint32Array(4 * capacity);
    this.#field = new Uint16Array(2 * capacity);
    this.#uses = new Uint32Array(2 * capacity);
    this.#first = new Float64Array(2 * capacity);
  }

  /** `temporary`: where DuckDB spills. `capacity`: a power of two. */
  static async create(fields: number, temporary: string, capacity = KEYS_IN_MEMORY): Promise<KeyCounter> {
    const connection = await (await openDuckDb(temporary)).connect();
    await connection.run("CREATE TABLE counts (field USMALLINT, lo UINTEGER, hi UINTEGER, uses DOUBLE, first DOUBLE)");
    return new KeyCounter(fields, capacity, connection);
  }

  /** Whether `spill` must be called before more keys are counted. */
  get full(): boolean {
    return this.#size >= this.#capacity;
  }

  /** Counts one use of a key. The key 0 is the field's OOV row. */
  count(field: number, lo: number, hi: number): void {
    this.#totals[field] = this.#totals[field] + 1;
    const now = this.#entries++;
    if ((lo | hi) === 0) return;
    const mask = this.#uses.length - 1;
    let slot = lo & mask;
    while (this.#uses[slot] !== 0 && (this.#keys[2 * slot] !== lo || this.#keys[2 * slot + 1] !== hi)) {
      slot = (slot + 1) & mask;
    }
    if (this.#uses[slot] === 0) {
      this.#size++;
      this.#keys[2 * slot] = lo;
      this.#keys[2 * slot + 1] = hi;
      this.#field[slot] = field;
      this.#first[slot] = now;
    }
    this.#uses[slot] = this.#uses[slot] + 1;
  }

  /** Moves the counts out of memory. */
  async spill(): Promise<void> {
    const appender = await this.#connection.createAppender("counts");
    let rows: number[][] = [[], [], [], [], []];
    const append = (): void => {
      const chunk = DuckDBDataChunk.create(TYPES, rows[0]?.length ?? 0);
      chunk.setColumns(rows);
      appender.appendDataChunk(chunk);
      rows = [[], [], [], [], []];
    };
    for (let slot = 0; slot < this.#uses.length; slot++) {
      if (this.#uses[slot] === 0) continue;
      rows[0]?.push(this.#field[slot]);
      rows[1]?.push(this.#keys[2 * slot]);
      rows[2]?.push(this.#keys[2 * slot + 1]);
      rows[3]?.push(this.#uses[slot]);
      if ((rows[4]?.push(this.#first[slot]) ?? 0) === CHUNK_ROWS) append();
    }
    append();
    appender.closeSync();
    this.#uses.fill(0);
    this.#size = 0;
  }

  /**
   * The keys that were counted at least `minCounts[field]` times, in the order in which they first appeared. Uses of the others
   * count for their field's OOV row.
   */
  async vocabulary(minCounts: readonly number[]): Promise<Vocabulary> {
    await this.spill();
    const result = await this.#connection.stream(
      `SELECT field, lo, hi, sum(uses) FROM counts GROUP BY field, lo, hi
       HAVING sum(uses) >= [${minCounts.join(", ")}][field + 1] ORDER BY min(first)`,
    );
    const keys = new Words(2 * this.#fields);
    const fieldOf = new Words(0);
    const counts = new Words(0);
    for (let f = 0; f < this.#fields; f++) {
      fieldOf.push(f);
      counts.push(0);
    }
    while (true) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) break;
      const [field = [], lo = [], hi = [], uses = []] = chunk.getColumns();
      for (let i = 0; i < chunk.rowCount; i++) {
        keys.push(Number(lo[i]));
        keys.push(Number(hi[i]));
        fieldOf.push(Number(field[i]));
        counts.push(Number(uses[i]));
        this.#totals[Number(field[i])] = this.#totals[Number(field[i])] - Number(uses[i]);
      }
    }
    const all = counts.list();
    this.#totals.forEach((unseen, field) => {
      all[field] = unseen;
    });
    this.#connection.closeSync();
    return new Vocabulary(this.#fields, keys.list(), Uint16Array.from(fieldOf.list()), all);
  }
}

/** A list of 32-bit words that grows. */
class Words {
  #words: Uint32Array;
  #length: number;

  /** Begins with `zeros` zeros. */
  constructor(zeros: number) {
    this.#words = new Uint32Array(Math.max(1024, zeros));
    this.#length = zeros;
  }

  push(word: number): void {
    if (this.#length === this.#words.length) {
      const larger = new Uint32Array(2 * this.#length);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#length++] = word;
  }

  list(): Uint32Array {
    return this.#words.slice(0, this.#length);
  }
}
