import { numberOf } from "../../format/raw-value.ts";
import type { DataSettings } from "../../format/spec.ts";
import type { LogFormat } from "../../trainer/data/files.ts";
import { DOUBLE_QUOTE, readText } from "../../trainer/data/lines.ts";
import { cellsOf } from "../../trainer/data/scan-csv.ts";
import { isUtf16 } from "../../trainer/data/text-file.ts";

/** How a file of CSV or TSV is written, where that is not as its format says. */
export type Dialect = Pick<DataSettings, "delimiter" | "encoding" | "columns">;

/** Bytes of a file that are looked at. */
const LOOKED_AT = 2 ** 20;
/** Lines that are looked at for what stands between cells. */
const LINES = 50;
const DELIMITERS = [",", ";", "\t", "|"];

/** Finds out how a file is written. Throws FormatError where it cannot be read. */
export async function dialectOf(file: string, format: LogFormat): Promise<Dialect> {
  if (format !== "csv" && format !== "tsv") return {};
  const bytes = await firstBytes(file);
  const encoding = encodingOf(bytes);
  const lines = linesOf(bytes, encoding);
  const [header] = lines;
  if (header === undefined) return {};
  const usual = format === "csv" ? "," : "\t";
  const delimiter = delimiterOf(lines, usual);
  const cells = cellsOf(header, { delimiter, quote: DOUBLE_QUOTE, blanks: false });
  return {
    ...(encoding !== "utf-8" && { encoding }),
    ...(delimiter !== usual && { delimiter }),
    ...(!isHeader(cells) && { columns: cells.map((_, i) => `c${i + 1}`) }),
  };
}

async function firstBytes(file: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readText(file)) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= LOOKED_AT) break;
  }
  return Buffer.concat(parts).subarray(0, LOOKED_AT);
}

type Encoding = NonNullable<DataSettings["encoding"]>;

function encodingOf(bytes: Uint8Array): Encoding {
  if (isUtf16(bytes)) return "utf-16";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return "utf-8";
  } catch {
    return "windows-1252"; // every byte of which is a character
  }
}

/** The first records that are whole: one goes on where a line ends within quotes. */
function linesOf(bytes: Uint8Array, encoding: Encoding): string[] {
  const label = encoding === "utf-16" && bytes[0] === 0xfe ? "utf-16be" : encoding === "utf-16" ? "utf-16le" : encoding;
  const lines = new TextDecoder(label).decode(bytes).split(/\r\n|\n|\r/);
  if (bytes.length === LOOKED_AT) lines.pop(); // which may be cut off
  const records: string[] = [];
  let open = ""; // the lines of a record whose quote is not closed yet
  for (const line of lines) {
    if (records.length === LINES) break;
    const record = open === "" ? line : `${open}\n${line}`;
    const isClosed = record.split(DOUBLE_QUOTE).length % 2 === 1;
    open = isClosed ? "" : record;
    if (isClosed && record !== "") records.push(record);
  }
  return records;
}

/** What stands between cells: what makes most cells of the first line, and as many of nearly all others. */
function delimiterOf(lines: readonly string[], usual: string): string {
  const counted = [usual, ...DELIMITERS.filter((other) => other !== usual)].map((delimiter) => {
    const counts = lines.map((line) => cellsOf(line, { delimiter, quote: DOUBLE_QUOTE, blanks: false }).length);
    const alike = counts.filter((count) => count === counts[0]).length;
    return { delimiter, cells: counts[0], fits: counts[0] > 1 && alike >= 0.9 * counts.length };
  });
  const [best] = counted.filter(({ fits }) => fits).sort((a, b) => b.cells - a.cells);
  return best?.delimiter ?? usual;
}

/**
 * Whether the first line has names: a number is none, unless all are numbers in a row, as some programs name columns.
 */
function isHeader(cells: readonly string[]): boolean {
  const numbers = cells.map((cell) => numberOf(cell.trim()));
  const isNumber = (x: number | null): boolean => x !== null && !Number.isNaN(x);
  if (!numbers.some(isNumber)) return true;
  return (
    numbers.every((x, i) => x === i || x === i + 1) || (cells[0] === "" && numbers.slice(1).every((x, i) => x === i))
  );
}
