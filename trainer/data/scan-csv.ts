import { FormatError, show } from "../../format/errors.ts";
import { findRecord, type TextRecord } from "./lines.ts";
import { FILE_COLUMN, fileOption } from "./partitions.ts";
import type { LogColumn, Scan, ScanInput } from "./scan.ts";
import { byName, runsOf, unionOf } from "./schemas.ts";
import { identifier, literal } from "./sql.ts";

/** The longest record of a text file, in bytes. DuckDB reads a file in parts of twice this size, about its default. */
export const MAX_LINE_BYTES = 2 ** 24;
/** Options of DuckDB's readers of text. */
export const TEXT_OPTIONS = `auto_detect = false, hive_partitioning = false, max_line_size = ${MAX_LINE_BYTES},
  buffer_size = ${2 * MAX_LINE_BYTES}`;

/**
 * CSV or TSV. Columns are named by their place, as SQL takes User and user for one name. A cell is text unless
 * `data.types` says otherwise. Files may have their columns in any order.
 */
export async function scanCsv(input: ScanInput, delimiter: string): Promise<Scan> {
  const { log, data, links } = input;
  const types = new Map(Object.entries(data.types));
  const headers = new Map<string, readonly string[]>();
  for (const file of log.files) headers.set(file, data.columns ?? (await readHeader(file, delimiter)));
  const cells = (file: string): readonly string[] => headers.get(file) ?? [];
  const { names, partial } = byName(log.files, cells);

  function relation(files: readonly string[]): string {
    const parts = runsOf(files, (file) => JSON.stringify(cells(file))).map((run) => {
      const own = cells(run[0]);
      const typed = own.map((name, i) => `c${i}: ${literal(types.get(name) ?? "VARCHAR")}`).join(", ");
      const read = `read_csv([${run.map((file) => literal(links.of(file))).join(", ")}], columns = {${typed}},
        delim = ${literal(delimiter)}, header = ${!data.columns}, quote = '"', escape = '"', strict_mode = true,
        null_padding = false, ${TEXT_OPTIONS}${fileOption(input)})`;
      const list = names.map((name, i) => `c${own.indexOf(name)} AS c${i}`);
      const file = data.hive ? `, ${identifier(FILE_COLUMN)}` : "";
      const alike = own.length === names.length && names.every((name, i) => own[i] === name);
      return alike ? read : `(SELECT ${list.join(", ")}${file} FROM ${read})`;
    });
    return unionOf(parts);
  }

  const columns: LogColumn[] = names.map((name, i) => ({ name, sql: `c${i}` }));
  const blanks = [...headers.values()].some(({ length }) => length === 1);
  const text = { header: data.columns ? 0 : 1, blanks, delimiter };
  return { relation, columns, hidden: [], partial, text, cells, warnings: [] };
}

async function readHeader(file: string, delimiter: string): Promise<string[]> {
  let found: TextRecord | null;
  try {
    found = await findRecord(file, 0, { delimiter, blanks: false });
  } catch (error) {
    throw new FormatError(file, `got a damaged file: ${(error as Error).message}`);
  }
  if (!found) throw new FormatError(file, "got an empty file, expected a header and rows");
  const place = `${file}, line ${found.line}`;
  if (found.line > 1) throw new FormatError(`${file}, line 1`, "got a blank line, expected the header");
  if (found.unclosed) throw new FormatError(place, "got a quote that is never closed");
  const names = cellsOf(headerText(place, found.bytes), delimiter);
  const twice = names.findIndex((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice >= 0)
    throw new FormatError(
      `${place}: column ${twice + 1}`,
      `got the column ${show(names[twice])} twice, expected names that differ`,
    );
  return names;
}

function headerText(place: string, bytes: Uint8Array): string {
  if (isUtf16(bytes)) throw new FormatError(place, "got UTF-16, expected UTF-8");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); // which drops a byte order mark
  } catch {
    throw new FormatError(place, "got a header that is not UTF-8");
  }
  if (text.includes("\0")) throw new FormatError(place, "got a NUL byte in the header, expected text in UTF-8");
  return text;
}

/** Whether a text begins with the byte order mark of UTF-16. */
export function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

/** The cells of one record's text. */
function cellsOf(text: string, delimiter: string): string[] {
  const cell = new RegExp(` *("(?:[^"]|"")*") *(${delimiter}|$)|([^${delimiter}]*)(${delimiter}|$)`, "y");
  const cells: string[] = [];
  for (let more = true; more; ) {
    const match = cell.exec(text);
    if (!match) break;
    const [, quoted, afterQuoted, plain, afterPlain] = match;
    more = (afterQuoted ?? afterPlain) !== ""; // a delimiter at the end has one more column after it, without a name
    cells.push(quoted === undefined ? (plain ?? "") : quoted.slice(1, -1).replaceAll('""', '"'));
  }
  return cells;
}
