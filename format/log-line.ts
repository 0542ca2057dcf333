/**
 * A value as a line of a log: JSON without its line end. Readers such as DuckDB refuse a line with half of a surrogate
 * pair, which JSON.stringify writes as an escape, so U+FFFD stands in its place, as in its UTF-8.
 */
export function logLine(value: object): string {
  const text = JSON.stringify(value);
  if (!text.includes("\\ud")) return text;
  // Of an escaped backslash both characters are taken at once, as no escape begins with its second one.
  return text.replaceAll(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.length > 2 ? "\ufffd" : found));
}
