// Numbers and lists in sentences.

/** A share in per cent, with as many digits as tell it from none and from all. */
export function share(x: number): string {
  const percent = 100 * x;
  if (percent === 0 || percent === 100) return `${percent} %`;
  const digits = percent < 1 || percent > 99 ? 2 : percent < 10 || percent > 90 ? 1 : 0;
  const text = percent.toFixed(digits);
  if (Number(text) === 0) return "<0.01 %";
  return Number(text) === 100 ? ">99.99 %" : `${text} %`;
}

export function count(x: number): string {
  return x.toLocaleString("en");
}

/** A number with at most four digits that matter. */
export function number(x: number): string {
  return String(Number(x.toPrecision(4)));
}
