import { LINE_DELIMITER } from "./lines.ts";
import { fileOption } from "./partitions.ts";
import type { ScanInput } from "./scan.ts";
import { TEXT_OPTIONS } from "./scan-csv.ts";
import { literal } from "./sql.ts";

/** The column of a line's text. */
export const LINE = '"\u0001line"';

/**
 * SQL that reads the lines of files that are not blank. The parser is not strict, so that lines may end in LF and CRLF
 * in one file; what it would lose over that is found by `findDamage`.
 */
export function linesOf(input: ScanInput, files: readonly string[]): string {
  const list = files.map((file) => literal(input.links.of(file))).join(", ");
  return `(SELECT * FROM read_csv([${list}], columns = {'\u0001line': 'VARCHAR'},
    delim = '${String.fromCharCode(LINE_DELIMITER)}', quote = '', escape = '', header = false, strict_mode = false,
    ${TEXT_OPTIONS}${fileOption(input)})
    WHERE trim(${LINE}, ' \t') <> '')`;
}
