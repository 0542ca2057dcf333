// Texts with which programs say that a value is missing.

const WORDS = new Set([
  ...["nan", "null", "none", "nil", "undefined", "na", "n/a", "#n/a", "<na>", "\\n", "nat"],
  ...["-", "--", "?", ".", "(null)", "<null>", "(none)", "[null]"],
]);

/** A text of two letters may be a code, such as NA for Namibia, where most others are of two letters, too. */
const CODE = /^\p{Lu}{2}$/u;
const MANY_CODES = 0.5;

/** Those of some different texts that mean a missing value. */
export function missingTexts(texts: readonly string[]): string[] {
  const words = texts.filter((text) => WORDS.has(text.trim().toLowerCase()));
  if (words.length === 0) return [];
  const codes = texts.filter((text) => CODE.test(text)).length - words.filter((text) => CODE.test(text)).length;
  return codes >= MANY_CODES * (texts.length - words.length) && codes > 1
    ? words.filter((text) => !CODE.test(text))
    : words;
}
