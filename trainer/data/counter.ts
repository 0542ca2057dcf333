import { DOUBLE, DuckDBDataChunk, UINTEGER, USMALLINT } from "@duckdb/node-api";
import { DuckDb } from "./duckdb.ts";
import { slotOf } from "./key-slots.ts";
import { SharedKeyError } from "./shared-key.ts";
import { Vocabulary } from "./vocabulary.ts";
import { WordList } from "./word-list.ts";

/** Different keys that are counted in memory, 44 bytes each, before their counts move to DuckDB. */
const KEYS_IN_MEMORY = 2 ** 20;
/** Rows of a DuckDB data chunk. */
const CHUNK_ROWS = 2048;
/** A number above that of any entry, and so small that float64 still counts on from it. */
const LAST_ENTRY = 2 ** 52;
const TYPES = [USMALLINT, UINTEGER, UINTEGER, DOUBLE, DOUBLE];

/**
 * Counts row keys in bounded memory, however many different ones there are. A hash table counts them; whenever it is
 * full it is emptied into a table of DuckDB, which spills to disk. That table is grouped at the end, and only the keys
 * that get rows come back. The counter holds a database until it is closed.
 */
export class KeyCounter implements AsyncDisposable {
  readonly #fields: number;
  readonly #capacity: number;
  readonly #duckdb: DuckDb;
  /** Uses of each field's entries, from which `vocabulary` takes those of the keys that it keeps. */
  readonly #unseen: Float64Array;
  // The hash table: open addressing, at most half full. A slot without uses is free.
  readonly #keys: Uint32Array;
  readonly #field: Uint16Array;
  readonly #uses: Uint32Array;
  /** The number of the entry that had each key first. */
  readonly #first: Float64Array;
  #size = 0;
  #entries = 0;
  #requiredKeys = 0;

  private constructor(fields: number, capacity: number, duckdb: DuckDb) {
    this.#fields = fields;
    this.#capacity = capacity;
    this.#duckdb = duckdb;
    this.#unseen = new Float64Array(fields);
    this.#keys = new Uint32Array(4 * capacity);
    this.#field = new Uint16Array(2 * capacity);
    this.#uses = new Uint32Array(2 * capacity);
    this.#first = new Float64Array(2 * capacity);
  }

  /**
   * `temporary`: the folder in which it makes one to spill to. `capacity`: keys that are counted in memory, a power of
   * two.
   */
  static async create(fields: number, temporary: string, capacity = KEYS_IN_MEMORY): Promise<KeyCounter> {
    await using opened = new AsyncDisposableStack();
    const duckdb = opened.use(await DuckDb.open(temporary));
    await duckdb.connection.run(
      "CREATE TABLE counts (field USMALLINT, lo UINTEGER, hi UINTEGER, uses DOUBLE, first DOUBLE)",
    );
    opened.move(); // the counter closes it from here on
    return new KeyCounter(fields, capacity, duckdb);
  }

  /** Whether `spill` must be called before more keys are counted. */
  get full(): boolean {
    return this.#size >= this.#capacity;
  }

  /**
   * Counts one use of a key. The key 0 stands for the field's OOV row. Throws SharedKeyError where another field has
   * the key, if its counts are in memory; otherwise `vocabulary` does.
   */
  count(field: number, lo: number, hi: number): void {
    this.#unseen[field] = this.#unseen[field] + 1;
    const now = this.#entries++;
    if ((lo | hi) === 0) return;
    const slot = slotOf(this.#keys, this.#uses, lo, hi);
    if (this.#uses[slot] === 0) {
      this.#size++;
      this.#keys[2 * slot] = lo;
      this.#keys[2 * slot + 1] = hi;
      this.#field[slot] = field;
      this.#first[slot] = now;
    } else if (this.#field[slot] !== field) throw new SharedKeyError(lo, hi);
    this.#uses[slot] = this.#uses[slot] + 1;
  }

  /** Has `vocabulary` keep keys of a field, two words each, however seldom they are used. */
  async require(field: number, keys: Uint32Array): Promise<void> {
    const rows: string[] = [];
    for (let i = 0; i < keys.length; i += 2) {
      const first = LAST_ENTRY + this.#requiredKeys++;
      if ((keys[i] | keys[i + 1]) !== 0) rows.push(`(${field}, ${keys[i]}, ${keys[i + 1]}, 0, ${first})`);
    }
    if (rows.length === 0) return;
    await this.#onDisk(() => this.#duckdb.connection.run(`INSERT INTO counts VALUES ${rows.join(", ")}`));
  }

  /** Moves the counts out of memory. Throws UserError where the disk has no room for them. */
  async spill(): Promise<void> {
    return await this.#onDisk(() => this.#spill());
  }

  async #onDisk<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#duckdb.diskFault(error) ?? error;
    }
  }

  async #spill(): Promise<void> {
    const appender = await this.#duckdb.connection.createAppender("counts");
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
   * The keys that were counted at least `minCounts[field]` times, in the order in which they first appeared, then the
   * other required ones. The uses of those without a row count for their field's OOV row. Throws SharedKeyError where
   * two fields have one key, and UserError where the disk has no room for sorting them.
   */
  async vocabulary(minCounts: readonly number[]): Promise<Vocabulary> {
    await this.spill();
    return await this.#onDisk(() => this.#vocabulary(minCounts));
  }

  async #vocabulary(minCounts: readonly number[]): Promise<Vocabulary> {
    const keys = new WordList(2 * this.#fields);
    const fieldOf = new WordList();
    const counts = new WordList();
    for (let f = 0; f < this.#fields; f++) {
      fieldOf.push(f);
      counts.push(0);
    }
    const kept = this.#duckdb.stream(
      `SELECT min(field), lo, hi, sum(uses), max(field) FROM counts GROUP BY lo, hi
       HAVING sum(uses) >= [${minCounts.join(", ")}][min(field) + 1] OR min(field) <> max(field)
         ${this.#requiredKeys > 0 ? "OR min(uses) = 0" : ""} ORDER BY min(first)`,
    );
    for await (const chunk of kept) {
      const [field = [], lo = [], hi = [], uses = [], last = []] = chunk.getColumns();
      for (let i = 0; i < chunk.rowCount; i++) {
        if (field[i] !== last[i]) throw new SharedKeyError(Number(lo[i]), Number(hi[i]));
        keys.push(Number(lo[i]));
        keys.push(Number(hi[i]));
        fieldOf.push(Number(field[i]));
        counts.push(Number(uses[i]));
        this.#unseen[Number(field[i])] = this.#unseen[Number(field[i])] - Number(uses[i]);
      }
    }
    const all = counts.toArray();
    all.set(this.#unseen);
    return new Vocabulary(this.#fields, keys.toArray(), Uint16Array.from(fieldOf.toArray()), all);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#duckdb[Symbol.asyncDispose]();
  }
}
