import type { Step } from "./steps.ts";

type DecimalStep = Extract<Step, { decimal: string }>;

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

function escaped(character: string): string {
  return character.replace(/[$()*+.?[\\\]^{|}/]/u, "\\$&");
}
