import { realpathSync } from "node:fs";
import { DuckDb } from "../../../trainer/data/duckdb.ts";
import { FileLinks, fileNumberSql } from "../../../trainer/data/file-links.ts";
import { LINE_DELIMITER } from "../../../trainer/data/lines.ts";
import { TEXT_OPTIONS } from "../../../trainer/data/scan-csv.ts";
import { literal } from "../../../trainer/data/sql.ts";
import { TemporaryFolder } from "../../../trainer/io/temporary.ts";
import { checkUnchanged, marksOf } from "./growing-files.ts";
import { type LineSource, lineSources } from "./line-source.ts";

/** MiB of memory for the tables of an analysis. What is beyond spills to the temporary folder. */
const MEMORY_MIB = 1024;

/** A database over the lines of files with newline JSON. No line and no file makes it throw. */
export class LineDatabase implements AsyncDisposable {
  readonly files: readonly string[];
  /** Files that are read from a copy without some of their lines, which DuckDB cannot read. */
  readonly copied: readonly string[];
  readonly duckdb: DuckDb;
  readonly #links: FileLinks;
  readonly #copies: TemporaryFolder;
  /** What is read: the files, or others in their places. */
  readonly #sources: readonly LineSource[];
  readonly #marks: ReadonlyMap<string, string>;
  /** By source: its name for DuckDB. */
  readonly #names: readonly string[];

  private constructor(
    files: readonly string[],
    names: readonly string[],
    own: Pick<LineDatabase, "duckdb" | "copied"> & {
      links: FileLinks;
      copies: TemporaryFolder;
      sources: readonly LineSource[];
      marks: ReadonlyMap<string, string>;
    },
  ) {
    this.files = files;
    this.#names = names;
    this.duckdb = own.duckdb;
    this.copied = own.copied;
    this.#sources = own.sources;
    this.#marks = own.marks;
    this.#links = own.links;
    this.#copies = own.copies;
  }

  /** `temporary`: the folder for copies and for what the database spills. Throws UserError where it cannot be used. */
  static async open(files: readonly string[], temporary: string): Promise<LineDatabase> {
    await using opened = new AsyncDisposableStack();
    const copies = opened.use(new TemporaryFolder(temporary, "lines"));
    const folder = realpathSync(copies.path);
    const { sources, copied } = await lineSources(files, folder);
    const readable = sources.map(({ path }) => path);
    const links = opened.use(await FileLinks.open(readable));
    const duckdb = opened.use(await DuckDb.open(temporary, links.paths, MEMORY_MIB));
    opened.move(); // the database closes them from here on
    const names = readable.map((file) => links.of(file));
    return new LineDatabase(files, names, { duckdb, links, copies, copied, sources, marks: marksOf(readable) });
  }

  /**
   * SQL of all lines that are not blank: `row`, their number from 1, `source`, that of the file that is read from 0,
   * and `line`, the text.
   */
  get lines(): string {
    const list = this.#names.map(literal).join(", ");
    return `(SELECT row_number() OVER () AS row, ${fileNumberSql("name")} AS source, line
      FROM read_csv([${list}], columns = {'line': 'VARCHAR'}, delim = '${String.fromCharCode(LINE_DELIMITER)}',
        quote = '', escape = '', header = false, strict_mode = false, filename = 'name', ${TEXT_OPTIONS})
      WHERE trim(line, ' \t') <> '')`;
  }

  /** The file of a line, and its number there, from 0. `row`: its number in a source. Blank lines do not count. */
  placeOf(source: number, row: number): { file: string; row: number } {
    const own = this.#sources[source].files.findLast(({ start }) => start <= row);
    if (own === undefined) throw new Error(`got no file of line ${row}`);
    return { file: own.file, row: row - own.start };
  }

  /** Throws FormatError where a file has changed since it was opened: what was read of it does not belong together. */
  checkUnchanged(): void {
    checkUnchanged(this.#marks);
  }

  async run(sql: string): Promise<void> {
    await this.duckdb.run(sql);
  }

  /** All rows of a query as objects; numbers of 64 bits as numbers. */
  async rows<Row extends object>(sql: string): Promise<Row[]> {
    const result = await this.duckdb.connection.runAndReadAll(sql);
    return result.getRowObjects().map((row) => {
      const entries = Object.entries(row).map(([name, value]) => [name, plain(value)]);
      return Object.fromEntries(entries) as Row;
    });
  }

  /** The only row of a query. */
  async row<Row extends object>(sql: string): Promise<Row> {
    const [row] = await this.rows<Row>(sql);
    if (row === undefined) throw new Error("got no row");
    return row;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.duckdb[Symbol.asyncDispose]();
    this.#links[Symbol.dispose]();
    this.#copies[Symbol.dispose]();
  }
}

function plain(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
