import { decimalReader } from "../../format/prepare/decimal.ts";
import { numberOf } from "../../format/raw-value.ts";

// Numbers as people and spreadsheets write them.

/** How the numbers of a column are written, where that is not as programs write them: `decimal` of `prepare`. */
export interface NumberStyle {
  decimal: "," | ".";
  thousands?: string;
}

/** What is between groups of three digits, by what is before the fraction. */
const STYLES: readonly (readonly [NumberStyle["decimal"], readonly string[]])[] = [
  [",", [".", " ", "\u00a0", "\u202f", "'"]],
  [".", [",", "'", "’", " ", "\u00a0", "\u202f"]],
];

export interface Style {
  /** Null where texts are numbers as programs write them. */
  style: NumberStyle | null;
  read(text: string): number | null;
}

const PLAIN: Style = { style: null, read: plain };

function plain(text: string): number | null {
  const x = numberOf(text);
  return x === null || Number.isNaN(x) ? null : x;
}

/** Texts by which styles are told apart. */
const TRIED = 500;

/**
 * How numbers among these texts are written: the style that reads most of them. `european`: whether "1.234" is more
 * likely 1234, and "1,234" more likely 1.234.
 */
export function styleOf(texts: readonly string[], european: boolean): Style {
  if (isGrouped(texts, ".") && european) return styled({ decimal: ",", thousands: "." });
  // The longest texts have all separators that there are.
  const tried = [...texts].sort((a, b) => b.length - a.length).slice(0, TRIED);
  const read = (style: Style): number => tried.reduce((sum, text) => sum + (style.read(text) === null ? 0 : 1), 0);
  let [best, most] = [PLAIN, read(PLAIN)];
  const groupedByComma = isGrouped(texts, ",") && !european;
  for (const [decimal, separators] of STYLES) {
    for (const thousands of [undefined, ...separators]) {
      if (groupedByComma && decimal === ",") continue;
      const style = styled({ decimal, ...(thousands !== undefined && { thousands }) });
      const count = read(style);
      if (count > most) [best, most] = [style, count];
    }
  }
  return best;
}

/** Whether the texts with a separator are all such as may be groups of three digits, and the others below 1000. */
function isGrouped(texts: readonly string[], separator: string): boolean {
  const group = new RegExp(`^\\s*[+-]?[1-9]\\d{0,2}(?:[${separator}]\\d{3})+\\s*$`);
  const separated = texts.filter((text) => text.includes(separator));
  return (
    separated.length > 0 &&
    separated.every((text) => group.test(text)) &&
    texts.every((text) => text.includes(separator) || !/\d{4}/.test(text))
  );
}

function styled(style: NumberStyle): Style {
  const read = decimalReader(style);
  return {
    style,
    read(text) {
      const x = read(text);
      return Number.isFinite(Math.fround(x)) ? x : null;
    },
  };
}

/** Numbers and how often each occurs. */
export interface NumberFacts {
  least: number;
  median: number;
  /** What 99 % of the records do not exceed. */
  high: number;
  most: number;
  whole: boolean;
}

export function numberFacts(counted: readonly (readonly [x: number, count: number])[]): NumberFacts {
  const sorted = [...counted].sort((a, b) => a[0] - b[0]);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  const quantile = (share: number): number => {
    let before = 0;
    for (const [x, count] of sorted) {
      before += count;
      if (before >= share * total) return x;
    }
    return sorted.at(-1)?.[0] ?? Number.NaN;
  };
  return {
    least: sorted[0]?.[0] ?? Number.NaN,
    median: quantile(0.5),
    high: quantile(0.99),
    most: sorted.at(-1)?.[0] ?? Number.NaN,
    whole: sorted.every(([x]) => Number.isInteger(x)),
  };
}
