/** A currency's sign or code, or per cent. */
const MARK = String.raw`\p{Sc}|[A-Z]{1,2}\p{Sc}|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|BRL|%|‰`;
const BEFORE = new RegExp(`^\\s*(${MARK})\\s*(?=[+-]?[\\d.,])`, "u");
const AFTER = new RegExp(`(?<=\\d)\\s*(${MARK})\\s*$`, "u");

/** What takes the number out of a text with a mark: `capture` of `prepare`. */
export const MARKED_NUMBER = String.raw`([+-]?[\d\s.,'’]*\d)`;

/**
 * The one mark that stands beside the number in each of these texts; null where one has none, or another one, as $ 5
 * and € 5 are not the same.
 */
export function markOf(texts: readonly string[]): string | null {
  const [first = ""] = texts;
  const mark = markIn(first);
  return mark !== null && texts.every((text) => markIn(text) === mark) ? mark : null;
}

function markIn(text: string): string | null {
  return BEFORE.exec(text)?.[1] ?? AFTER.exec(text)?.[1] ?? null;
}

/** A text without its mark. */
export function unmarked(text: string): string {
  return text.replace(BEFORE, "").replace(AFTER, "");
}
