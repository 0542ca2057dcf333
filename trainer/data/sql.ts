/** Text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** U+FEFF. */
const BYTE_ORDER_MARK = "chr(65279)";

/**
 * SQL to fetch a text with, so that all of it comes. DuckDB's client decodes every text as if it were a file's, and
 * drops a byte order mark that it begins with; so such a text gets one more, which is dropped.
 */
export function wholeText(sql: string): string {
  return `CASE WHEN starts_with(${sql}, ${BYTE_ORDER_MARK}) THEN concat(${BYTE_ORDER_MARK}, ${sql}) ELSE ${sql} END`;
}

/** A name as an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
