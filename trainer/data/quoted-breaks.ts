import { stat } from "node:fs/promises";
import { type CellLayout, MAX_LINE_BYTES, readText } from "./lines.ts";
import { compressedEnding } from "./text-file.ts";

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;

/**
 * Whether DuckDB can read a file of cells in several parts at once. It begins each part, of MAX_LINE_BYTES, behind the
 * first end of a line there. Where that end is within quotes, it takes lines of a cell for records. Throws FormatError
 * where the file cannot be read.
 */
export async function hasParts(path: string, layout: CellLayout): Promise<boolean> {
  if (layout.quote === "") return true;
  const { size, mtimeMs } = await stat(path);
  if (compressedEnding(path) === "" && size <= MAX_LINE_BYTES) return true; // there is no second part
  const key = JSON.stringify([path, size, mtimeMs, layout]);
  const found = known.get(key) ?? (await hasNoBreaks(path, layout));
  known.set(key, found);
  return found;
}

/** By file and layout, since a command opens a log several times: what was found. */
const known = new Map<string, boolean>();

/** Whether no line of a file ends within quotes. */
async function hasNoBreaks(path: string, { delimiter, quote, encoding }: CellLayout): Promise<boolean> {
  const [mark, separator] = [quote, delimiter].map((character) => character.charCodeAt(0));
  let inQuotes = false;
  let quotable = true; // as in `recordsOf`: whether a quote that comes next opens
  for await (const chunk of readText(path, encoding)) {
    let from = 0;
    // To look for a quote alone is quicker. Without one, only what stands before the next chunk counts.
    if (!inQuotes && !chunk.includes(mark)) for (from = chunk.length - 1; from > 0 && chunk[from] === SPACE; ) from--;
    for (let i = from; i < chunk.length; i++) {
      const byte = chunk[i];
      const ends = byte === NEWLINE || byte === RETURN;
      if (inQuotes && ends) return false;
      if (byte === mark) {
        const closes: boolean = inQuotes;
        inQuotes = !closes && quotable;
        quotable = closes; // one behind it opens again
      } else if (!inQuotes) quotable = ends || byte === separator || (quotable && byte === SPACE);
    }
  }
  return true;
}
