import { decimalStep } from "../../format/data-settings.ts";
import { FormatError, show } from "../../format/errors.ts";
import { isTextType } from "../../format/field-checks.ts";
import { type CellLayout, DOUBLE_QUOTE, findRecord, MAX_LINE_BYTES } from "./lines.ts";
import { FILE_COLUMN, fileOption } from "./partitions.ts";
import { hasParts } from "./quoted-breaks.ts";
import type { LogColumn, Scan, ScanInput } from "./scan.ts";
import { byName, runsOf, unionOf } from "./schemas.ts";
import { identifier, literal } from "./sql.ts";
import { ENCODING_HINT, GOT_UTF16, isUtf16 } from "./text-file.ts";

/** Options of DuckDB's readers of text. It reads a file in parts of twice a record, about its default. */
export const TEXT_OPTIONS = `auto_detect = false, hive_partitioning = false, max_line_size = ${MAX_LINE_BYTES},
  buffer_size = ${2 * MAX_LINE_BYTES}`;

/** What stands between cells where `data.delimiter` does not say, and what else may, as far as a hint goes. */
const DELIMITERS = { csv: ",", tsv: "\t" } as const;
const OTHER_DELIMITERS = [";", "\t", ",", "|"];

/**
 * CSV or TSV. Columns are named by their place, as SQL takes User and user for one name. A cell is text unless
 * `data.types` says otherwise. Files may have their columns in any order.
 */
export async function scanCsv(input: ScanInput, format: "csv" | "tsv"): Promise<Scan> {
  const { log, data, links } = input;
  const { delimiter = DELIMITERS[format], quote = DOUBLE_QUOTE, encoding } = data;
  if (quote === delimiter)
    throw new FormatError("data.quote", `got ${show(quote)} as data.delimiter too, expected another one`);
  const layout = { delimiter, quote, encoding, blanks: false };
  const types = new Map(Object.entries(data.types));
  const headers = new Map<string, readonly string[]>();
  const inParts = new Map<string, boolean>();
  for (const file of log.files) {
    headers.set(file, data.columns ?? (await readHeader(file, layout)));
    inParts.set(file, await hasParts(file, layout));
  }
  const cells = (file: string): readonly string[] => headers.get(file) ?? [];
  const { names, partial } = byName(log.files, cells);

  function relation(files: readonly string[]): string {
    const parts = runsOf(files, (file) => JSON.stringify([cells(file), inParts.get(file)])).map((run) => {
      const own = cells(run[0]);
      const typed = own.map((name, i) => `c${i}: ${literal(types.get(name) ?? "VARCHAR")}`).join(", ");
      const read = `read_csv([${run.map((file) => literal(links.of(file))).join(", ")}], columns = {${typed}},
        delim = ${literal(delimiter)}, header = ${!data.columns}, quote = ${literal(quote)}, escape = ${literal(quote)},
        strict_mode = true${numberOptions(data)}, parallel = ${inParts.get(run[0])},
        null_padding = false, ${TEXT_OPTIONS}${fileOption(input)})`;
      const list = names.map((name, i) => `c${own.indexOf(name)} AS c${i}`);
      const file = data.hive ? `, ${identifier(FILE_COLUMN)}` : "";
      const alike = own.length === names.length && names.every((name, i) => own[i] === name);
      return alike ? read : `(SELECT ${list.join(", ")}${file} FROM ${read})`;
    });
    return unionOf(parts);
  }

  const columns = names.map((name, i): LogColumn => {
    const type = types.get(name);
    return { name, sql: `c${i}`, ...(type !== undefined && !isTextType(type) && { made: type }) };
  });
  const blanks = [...headers.values()].some(({ length }) => length === 1);
  const only = [...headers.values()].find(({ length }) => length === 1)?.[0];
  const hint = only === undefined || data.columns ? "" : delimiterHint(only, layout);
  const text = { ...layout, header: data.columns ? 0 : 1, blanks };
  return { relation, columns, hidden: [], partial, text, cells, hint, warnings: [] };
}

/** Options of DuckDB's reader for numbers in cells with a type of their own. It knows separators in ASCII only. */
function numberOptions(data: ScanInput["data"]): string {
  const style = decimalStep(data);
  if (!style) return "";
  const { decimal, thousands } = style;
  const between = thousands !== undefined && thousands < "\x80" ? `, thousands = ${literal(thousands)}` : "";
  return `, decimal_separator = ${literal(decimal)}${between}`;
}

async function readHeader(file: string, layout: CellLayout): Promise<string[]> {
  const found = await findRecord(file, 0, layout);
  if (!found) throw new FormatError(file, "got an empty file, expected a header and rows");
  const place = `${file}, line ${found.line}`;
  if (found.line > 1) throw new FormatError(`${file}, line 1`, "got a blank line, expected the header");
  if (found.unclosed) throw new FormatError(place, "got a quote that is never closed");
  const names = cellsOf(headerText(place, found.bytes), layout);
  const twice = names.findIndex((name, i) => name !== "" && names.indexOf(name) !== i);
  if (twice >= 0)
    throw new FormatError(
      `${place}: column ${twice + 1}`,
      `got the column ${show(names[twice])} twice, expected names that differ`,
    );
  return names;
}

function headerText(place: string, bytes: Uint8Array): string {
  if (isUtf16(bytes)) throw new FormatError(place, GOT_UTF16);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); // which drops a byte order mark
  } catch {
    throw new FormatError(place, `got a header that is not UTF-8${ENCODING_HINT}`);
  }
  if (text.includes("\0")) throw new FormatError(place, "got a NUL byte in the header, expected text in UTF-8");
  return text;
}

/** The cells of one record's text. */
export function cellsOf(text: string, { delimiter, quote }: CellLayout): string[] {
  const [end, mark] = [escaped(delimiter), escaped(quote)];
  const quoted = quote === "" ? "(?!)()()" : ` *(${mark}(?:[^${mark}]|${mark}${mark})*${mark}) *(${end}|$)`;
  const cell = new RegExp(`${quoted}|([^${end}]*)(${end}|$)`, "y");
  const cells: string[] = [];
  for (let more = true; more; ) {
    const match = cell.exec(text);
    if (!match) break;
    const [, quotedCell, afterQuoted, plain, afterPlain] = match;
    more = (afterQuoted ?? afterPlain) !== ""; // a delimiter at the end has one more column after it, without a name
    cells.push(quotedCell === undefined ? (plain ?? "") : quotedCell.slice(1, -1).replaceAll(quote + quote, quote));
  }
  return cells;
}

/** A character as a regular expression has it, within brackets too. */
function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}

/**
 * What an error adds where a line seems to have another delimiter: the one that divides it into most cells, or into
 * `expected` ones. Empty where none does.
 */
export function delimiterHint(line: string, layout: CellLayout, expected?: number): string {
  const [best] = OTHER_DELIMITERS.filter((delimiter) => delimiter !== layout.delimiter)
    .map((delimiter) => ({ delimiter, cells: cellsOf(line, { ...layout, delimiter }).length }))
    .filter(({ cells }) => (expected === undefined ? cells > 1 : cells === expected))
    .sort((a, b) => b.cells - a.cells);
  return best ? `; the line seems to have ${show(best.delimiter)} between its cells: give it as data.delimiter` : "";
}
