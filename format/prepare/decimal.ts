import { show } from "../errors.ts";
import { numberOf, type RawValue } from "../raw-value.ts";
import type { DecimalStep } from "./steps.ts";

/** Groups of digits between separators, of three digits before the decimal separator; those of two are India's. */
const GROUPS = /^\d{1,3}(?:x\d{2,3})*x\d{3}$/;
const DIGITS = /^\d*$/;

/** Reads texts as numbers with these separators: NaN where a text is none. Takes time linear in the text. */
export function decimalReader({ decimal, thousands }: DecimalStep): (text: string) => number {
  const separator = thousands === undefined ? "" : escaped(thousands);
  const form = new RegExp(
    `^([+-]?)((?:\\d|${separator || "\\d"})*)(?:${escaped(decimal)}(\\d*))?([eE][+-]?\\d+)?$`,
    "u",
  );
  return (text) => {
    const [, sign = "", grouped, fraction = "", exponent = ""] = form.exec(text.trim()) ?? [];
    if (grouped === undefined) return Number.NaN;
    if (!DIGITS.test(grouped) && !GROUPS.test(grouped.replace(/\D/gu, "x"))) return Number.NaN;
    const whole = grouped.replace(/\D/gu, "");
    return whole === "" && fraction === "" ? Number.NaN : Number(`${sign}${whole || "0"}.${fraction}${exponent}`);
  };
}

/** What follows "a number" where one in this style is expected. */
export function styleText({ decimal, thousands }: DecimalStep): string {
  return `with the decimal separator ${show(decimal)}${thousands === undefined ? "" : ` and ${show(thousands)} between thousands`}`;
}

/** The number that a value means: null where it is missing, NaN where it means none that float32 holds. */
export type NumberReader = (raw: RawValue) => number | null;

/** Reads values as `numberOf` does, but a text as one with these separators; as `numberOf` where there are none. */
export function numberReader(style: DecimalStep | null): NumberReader {
  if (style === null) return numberOf;
  const read = decimalReader(style);
  return (raw) => {
    if (typeof raw !== "string" || raw === "") return numberOf(raw);
    const x = read(raw);
    return Number.isFinite(Math.fround(x)) ? x : Number.NaN;
  };
}

function escaped(character: string): string {
  return character.replace(/[$()*+.?[\\\]^{|}/]/u, "\\$&");
}
