/** Digits of terms, and of the sum that they add up to. */
const TERM_DIGITS = 4;

/** A probability as the answer has it, to six digits. */
export function probabilityText(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** A number for a column of a table, to four digits. */
export function shortText(value: number): string {
  return value.toPrecision(4);
}

export function percentText(value: number): string {
  return `${Number((100 * value).toPrecision(3))} %`;
}

/** A term with its sign, as the bars show it by their direction. */
export function signedText(value: number): string {
  const text = Math.abs(value).toFixed(TERM_DIGITS);
  return `${value < 0 ? "−" : "+"}${text}`;
}
