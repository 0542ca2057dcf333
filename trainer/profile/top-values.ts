/** Characters of a value in a table. */
const VALUE_LENGTH = 18;

/** The most frequent values with their shares, as far as they fit into so many characters; the first in any case. */
export function topValuesText(
  top: readonly { text: string; count: number }[],
  records: number,
  length: number,
): string {
  let shown = "";
  for (const { text, count } of top) {
    const value = `${shortened(text)} ${Math.round((100 * count) / records)} %`;
    if (shown !== "" && shown.length + 2 + value.length > length) break;
    shown = shown === "" ? value : `${shown}, ${value}`;
  }
  return shown;
}

/** The most frequent of some values, at most `most` of them. */
export function topValues(
  values: readonly string[],
  counts: readonly number[],
  most: number,
): { text: string; count: number }[] {
  const order = values.map((_, i) => i).sort((a, b) => counts[b] - counts[a] || a - b);
  return order.slice(0, most).map((i) => ({ text: values[i], count: counts[i] }));
}

/** A value on one line, cut where it is long. */
function shortened(text: string): string {
  const line = [...text.replace(/[\p{Cc}\u2028\u2029]/gu, " ")];
  return line.length <= VALUE_LENGTH ? line.join("") : `${line.slice(0, VALUE_LENGTH - 1).join("")}…`;
}
