import { resolve } from "node:path";
import type { DuckDBDataChunk } from "@duckdb/node-api";
import { columnOf, type FieldOrigin } from "../../format/columns.ts";
import { decimalStep } from "../../format/data-settings.ts";
import { FormatError, show } from "../../format/errors.ts";
import { keepsValues, madeProblem } from "../../format/field-checks.ts";
import { type NumberReader, numberReader, styleText } from "../../format/prepare/decimal.ts";
import { type PreparedOrigin, preparer } from "../../format/prepare/prepared-values.ts";
import type { DecimalStep } from "../../format/prepare/steps.ts";
import type { RawValue } from "../../format/raw-value.ts";
import type { DataSettings } from "../../format/spec.ts";
import { cellSql, fromJson, isJson, isRefused, toRawValue } from "./cell.ts";
import { findFiles, type LogFormat } from "./files.ts";
import { Histogram } from "./histogram.ts";
import { keyValue, parseLine, repeatedKey } from "./json-line.ts";
import { findDamage } from "./lines.ts";
import { LogDatabase, ROW } from "./log-database.ts";
import { type LogRelation, openRelation, requireColumn, SOURCE, type TypedColumn } from "./log-relation.ts";
import { apart, joinedText } from "./row-text.ts";
import { ITEM_ROW, placeOfSampled } from "./sampled-rows.ts";
import { KEY_COUNT, KEYS } from "./scan-json-lines.ts";
import { identifier, literal, wholeText } from "./sql.ts";
import { type RowChoice, refusedValue, wantedRows } from "./wanted-rows.ts";
import { LINE } from "./whole-lines.ts";

/** Rows of a click log, some thousand at a time, by column. */
export interface LogChunk {
  rows: number;
  /** `columns[c][r]`: column c of row r, in the order in which the columns were asked for. */
  columns: RawValue[][];
  /** The place of row r of this chunk, as errors name it. */
  place(row: number): Promise<string>;
}

/** What a reader of a row threw, as it is to be thrown: a FormatError, whose place is a column, names the row too. */
export async function placed({ place }: LogChunk, row: number, error: unknown): Promise<unknown> {
  if (!(error instanceof FormatError)) return error;
  return new FormatError(`${await place(row)}: ${error.place.replace(/^\./, "column ")}`, error.problem);
}

export interface ClickLogOptions extends RowChoice {
  data: DataSettings;
  /** The fields whose columns are to hold what requests send. */
  fields?: readonly ReadField[];
  /** The folder in which DuckDB makes one to spill what memory does not hold. */
  temporary?: string;
  /** The file that `copy` may write. */
  output?: string;
}

/** A field of a feature spec, as far as its column's values go. */
type ReadField = FieldOrigin & { type: string; servedAs?: "given" };

const EVERYTHING: DataSettings = { types: {}, hive: false, select: {}, shuffle: 1 };

/**
 * A click log that is open to be read. It holds a database, with its threads and memory, until it is closed: whoever
 * opens one closes it, `await using log = await ClickLog.open(…)`.
 */
export class ClickLog implements AsyncDisposable {
  readonly options: ClickLogOptions;
  /** How texts of the log write numbers; null where as programs do. */
  readonly numberStyle: DecimalStep | null;
  /** Reads a label, a weight or another number that no field's steps prepare. */
  readonly readNumber: NumberReader;
  readonly #database: LogDatabase;
  readonly #relation: LogRelation;
  /** The rows to read. Null until they are first read, as finding them out may take a pass over the log. */
  #wanted: Promise<LogRelation> | null = null;
  /** What is known of the log by now: `#wanted` once that is found out. */
  #known: LogRelation;
  /** Keys of JSON lines that were asked for and that no line read so far has. */
  readonly #absent = new Set<string>();

  private constructor(options: ClickLogOptions, database: LogDatabase, relation: LogRelation) {
    this.options = options;
    this.numberStyle = decimalStep(options.data);
    this.readNumber = numberReader(this.numberStyle);
    this.#database = database;
    this.#relation = relation;
    this.#known = relation;
  }

  /**
   * Opens a log: a file, a glob, a folder, or a list of them. `data` says what is read of it. Throws FormatError where
   * there is no such log, or one that is not as `data` says.
   */
  static async open(
    paths: string | readonly string[],
    { data = EVERYTHING, label = "label", ...options }: Partial<ClickLogOptions> = {},
  ): Promise<ClickLog> {
    const files = findFiles(typeof paths === "string" ? [paths] : paths, data.format);
    await using opened = new AsyncDisposableStack();
    const database = opened.use(await LogDatabase.open(files, data, options));
    const relation = await openRelation(database);
    refuseMadeValues(files.name, relation, options.fields ?? []);
    const log = new ClickLog({ data, label, ...options }, database, relation);
    opened.move(); // the log closes it from here on
    return log;
  }

  /** The log's name: its paths as the user gave them. */
  get path(): string {
    return this.#database.log.name;
  }

  get files(): readonly string[] {
    return this.#database.log.files;
  }

  get format(): LogFormat {
    return this.#database.log.format;
  }

  /** What the user should know about the log. Complete once its rows have been read. */
  get warnings(): readonly string[] {
    const absent = [...this.#absent].map(
      (key) => `${this.path}: no line has the key ${show(key)}, so it is missing in all records`,
    );
    return [...new Set([...this.#known.warnings, ...absent])];
  }

  /** Names of the columns that `data.select` computes. */
  get computed(): readonly string[] {
    return this.#relation.computed;
  }

  /** For each of the first rows, some thousand: all that the log itself holds of it, before `data.select`, as text. */
  async sources(): Promise<readonly string[]> {
    const list = `SELECT ${wholeText(SOURCE)} FROM ${(await this.#rows()).sql}`;
    for await (const chunk of this.#database.stream(list)) return chunk.getColumnValues(0).map(String);
    return [];
  }

  /**
   * Names of the columns, with those that `data.select` computes. Any key of JSON lines is a column; the names of these
   * are found out only where SQL looks at them.
   */
  get columns(): readonly string[] {
    return this.#relation.columns.map(({ name }) => name);
  }

  /** Names of those columns whose values cannot be read, as no value of a record is like them: STRUCT and the like. */
  get nested(): readonly string[] {
    return this.#relation.columns.filter(({ type }) => isRefused(type)).map(({ name }) => name);
  }

  /**
   * Names of all that a record can have, by its place in the file: those of `columns`, or the keys of JSON lines, the
   * fields of libffm, the indices of libsvm. A pass over the log finds those out.
   */
  async names(): Promise<readonly string[]> {
    const { format } = this.#database.log;
    const parts = { jsonl: KEYS, libsvm: "features", libffm: '"fields"' } as const;
    if (!(format in parts)) return this.columns;
    const list = parts[format as keyof typeof parts];
    const lists = `SELECT ${list} AS list, ${ROW} AS row FROM ${(await this.#rows()).sql}`;
    const names = `SELECT unnest(list) AS name, generate_subscripts(list, 1) AS place, row FROM (${lists})`;
    // Keys stand in the order in which lines first have them; numbers ascend.
    const order = format === "jsonl" ? "min(row), min(place)" : "name";
    const whole = format === "jsonl" ? wholeText("name") : "name";
    const found = await this.#database.run(`SELECT ${whole} FROM (${names}) GROUP BY name ORDER BY ${order}`);
    const all = (await found.getRows()).map(([name]) => String(name));
    return format === "jsonl" ? all : ["label", ...all];
  }

  /** The log's rows in their order, with only the columns asked for. Throws FormatError where a file is damaged. */
  async *chunks(names: readonly string[]): AsyncGenerator<LogChunk> {
    const rows = await this.#rows();
    const read = this.#reader(names.map((name) => this.#column(rows, name)));
    const numbers = this.options.sampling ? [ROW, ITEM_ROW] : [ROW];
    const sql = `SELECT ${[...read.list, ...numbers].join(", ")} FROM ${rows.sql}`;
    // A damaged file is found beside the reading, on other threads.
    const ended = new AbortController();
    const texts = this.format === "parquet" ? [] : this.files;
    const damage = Promise.all(
      texts.map((file) => findDamage(file, this.#isLines, ended.signal, this.#database.readOf(file))),
    );
    try {
      for await (const chunk of this.#database.stream(sql)) {
        const place = (row: number): Promise<string> => {
          const [own, item = null] = numbers.map((_, i) => chunk.getColumnVector(read.list.length + i).getItem(row));
          return placeOfSampled(this.#database, own, item);
        };
        yield { rows: chunk.rowCount, columns: await read.cells(chunk, place), place };
      }
      for (const problem of await damage) if (problem !== null) throw problem;
    } finally {
      ended.abort();
      await damage;
    }
  }

  /**
   * Aggregates over the numbers of one field, as its steps leave them, computed in SQL; NaN where it has no number. The
   * expressions call the number x. Other values are left out.
   */
  async aggregate(field: PreparedOrigin, expressions: readonly string[]): Promise<number[]> {
    const rows = await this.#rows();
    const numbers = `SELECT ${this.#number(rows, field)} AS x FROM ${rows.sql}`;
    const row = await this.#database.fetchRow(`SELECT ${expressions.join(", ")} FROM (${numbers}) WHERE x IS NOT NULL`);
    return row.map((value) => Number(value ?? Number.NaN));
  }

  /** The different numbers of a field, as its steps leave them. */
  async histogram(field: PreparedOrigin): Promise<Histogram> {
    const rows = await this.#rows();
    return await Histogram.of(this.#database, this.#number(rows, field), rows.sql);
  }

  /** Throws FormatError where a value of a field's column is neither missing nor a number. */
  async requireNumbers(field: PreparedOrigin): Promise<void> {
    const rows = await this.#rows();
    const name = columnOf(field) ?? field.name;
    const column = this.#column(rows, name);
    const bad = `${this.#number(rows, field)} IS NULL AND ${this.#database.meaning("text", column)} <> ''`;
    const own = this.options.sampling ? `${ITEM_ROW} IS NULL AND ` : ""; // an item's own row is among these, too
    const row = await this.#database.fetchRow(`SELECT ${ROW} FROM ${rows.sql} WHERE ${own}${bad} LIMIT 1`);
    const logged = this.#column(this.#relation, name);
    const step = field.prepare?.find((one) => typeof one !== "string" && "decimal" in one);
    const expected = step ? `a number ${styleText(step)}` : "a number";
    if (row.length > 0) throw await refusedValue(this.#database, this.#relation, logged, row[0], expected);
  }

  /** How many rows the log has. */
  async count(): Promise<number> {
    const [count] = await this.#database.fetchRow(`SELECT count(*) FROM ${(await this.#rows()).sql}`);
    return Number(count);
  }

  /** Writes the log's rows, with these columns, into a Parquet file: the one that the log was opened to write. */
  async copy(columns: readonly string[], path: string): Promise<void> {
    const wanted = await this.#rows();
    const list = columns.map((name) => `${this.#column(wanted, name).sql} AS ${identifier(name)}`);
    const rows = `SELECT ${list.join(", ")} FROM ${wanted.sql}`;
    // Written under its own name alone, as the database may write no other file.
    const options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false";
    await this.#database.run(`COPY (${rows}) TO ${literal(resolve(path))} (${options})`);
  }

  /** Closes the database. Nothing can be read after it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }

  async #rows(): Promise<LogRelation> {
    this.#wanted ??= wantedRows(this.#database, this.#relation, this.options);
    this.#known = await this.#wanted;
    return this.#known;
  }

  #column(rows: LogRelation, name: string): TypedColumn {
    return requireColumn(rows, this.#database, name);
  }

  /** SQL of a field's value as a number; NULL where it is none. */
  #number(rows: LogRelation, field: PreparedOrigin): string {
    const column = this.#column(rows, columnOf(field) ?? field.name);
    const prepare = preparer(field);
    return prepare ? this.#database.preparedNumber(prepare, column) : this.#database.meaning("number", column);
  }

  /** Whether the log's format is read line by line. */
  get #isLines(): boolean {
    return ["jsonl", "libsvm", "libffm"].includes(this.#database.log.format);
  }

  /** How columns are fetched: the SQL expressions, and what makes cells of them. */
  #reader(columns: readonly TypedColumn[]): ColumnReader {
    if (this.#database.log.format === "jsonl") return this.#lineReader(columns);
    const joined = joinedText(columns);
    if (joined) return { list: joined, cells: async (chunk) => apart(chunk, columns.length) };
    return {
      list: columns.map(({ sql, type }) => cellSql(sql, type)),
      cells: (chunk, place) => Promise.all(columns.map((column, c) => this.#cells(chunk, c, column, place))),
    };
  }

  /** Of JSON lines, each line is parsed, whatever is read of it. */
  #lineReader(columns: readonly TypedColumn[]): ColumnReader {
    const computed = columns.filter(({ key }) => !key);
    const keys = columns.filter(({ key }) => key).map(({ name }) => name);
    for (const key of keys) this.#absent.add(key);
    return {
      list: [...computed.map(({ sql, type }) => cellSql(sql, type)), wholeText(LINE), KEY_COUNT],
      cells: async (chunk, place) => {
        const lines = await parseLines(
          chunk.getColumnValues(computed.length),
          chunk.getColumnValues(computed.length + 1),
          place,
        );
        for (const key of this.#absent) if (lines.some((line) => Object.hasOwn(line, key))) this.#absent.delete(key);
        const made = await Promise.all(computed.map((column, c) => this.#cells(chunk, c, column, place)));
        return columns.map(({ name, key }) => (key ? lines.map((line) => keyValue(line, name)) : (made.shift() ?? [])));
      },
    };
  }

  async #cells(
    chunk: DuckDBDataChunk,
    c: number,
    { name, type }: TypedColumn,
    place: LogChunk["place"],
  ): Promise<RawValue[]> {
    const values = chunk.getColumnValues(c);
    if (isJson(type)) return parseCells(values, async (row) => `${await place(row)}: column ${name}`);
    const cells = values.map(toRawValue);
    return this.#database.log.format === "libffm" ? cells.map(alone) : cells;
  }
}

/** Throws FormatError where `data.types` makes other values of a field's column than requests have. */
function refuseMadeValues(log: string, { columns }: LogRelation, fields: readonly ReadField[]): void {
  for (const field of fields) {
    const column = columns.find(({ name }) => name === columnOf(field));
    if (column?.made === undefined || keepsValues(column.made, field)) continue;
    throw new FormatError(`${log}: field ${show(field.name)}`, madeProblem(column.name, column.made));
  }
}

/** How some columns are fetched from DuckDB. */
interface ColumnReader {
  /** SQL expressions. */
  list: readonly string[];
  /** The columns' cells of a chunk that begins with them. */
  cells(chunk: DuckDBDataChunk, place: LogChunk["place"]): Promise<RawValue[][]>;
}

/**
 * The objects of JSON lines. `counts`: how many keys DuckDB sees in each. It takes the first of equal keys where
 * JSON.parse takes the last, so a line with two is refused.
 */
async function parseLines(
  texts: readonly unknown[],
  counts: readonly unknown[],
  place: LogChunk["place"],
): Promise<object[]> {
  const lines: object[] = [];
  let problem: FormatError | null = null;
  for (const [i, text] of texts.entries()) {
    try {
      const line = parseLine(String(text), "");
      const keys = Object.keys(line).length;
      if (counts[i] !== null && Number(counts[i]) !== keys)
        problem = new FormatError("", `got the key ${show(repeatedKey(String(text)))} twice, expected it once`);
      lines.push(line);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problem = error;
    }
    if (problem) throw new FormatError(`${await place(i)}${problem.place}`, problem.problem);
  }
  return lines;
}

/** The values of JSON texts, null of null. */
async function parseCells(texts: readonly unknown[], place: (row: number) => Promise<string>): Promise<RawValue[]> {
  const values: RawValue[] = [];
  try {
    for (const text of texts) values.push(text === null ? null : fromJson(String(text)));
  } catch {
    throw new FormatError(await place(values.length), `got ${show(texts[values.length])}, expected JSON`);
  }
  return values;
}

/** A libffm field with one feature is that feature; only one with several is a list. */
function alone(value: RawValue): RawValue {
  return Array.isArray(value) && value.length < 2 ? (value[0] ?? null) : value;
}
