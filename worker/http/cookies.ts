/**
 * The value of a cookie in a header `cookie`, as it is written; null where there is none. Of two with a name the first
 * counts (RFC 6265, 5.4).
 */
export function cookieValue(header: string | null, name: string): string | null {
  for (const pair of header?.split(";") ?? []) {
    const at = pair.indexOf("=");
    if (at >= 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}
