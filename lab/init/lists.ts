import { ListProblem, type ListSyntax, listElements } from "../../format/prepare/list-text.ts";
import { textOf } from "../../format/raw-value.ts";

// Cells that hold several values.

/** How the lists of a column are written, and how they are taken apart. */
export interface ListStyle {
  /** Of text cells: what `list` of `prepare` says. */
  syntax?: ListSyntax;
  /** Of text cells: what stands between the values. */
  separator?: string;
  /** Whether the values are the words of a text. */
  words?: true;
  split(text: string): readonly string[];
}

/** The lists of a syntax, as the encoder takes them apart. */
function listed(syntax: ListSyntax): ListStyle {
  return { syntax, split: (text) => elementsOf(text, syntax) ?? [] };
}

/** The elements of a list's text, without missing ones; null where it is no such list. */
function elementsOf(text: string, syntax: ListSyntax): string[] | null {
  try {
    return [...listElements(text, syntax)].map((element) => textOf(element) ?? "").filter((element) => element !== "");
  } catch (error) {
    if (error instanceof ListProblem) return null;
    throw error;
  }
}

/** Whether texts are lists of a syntax. */
export function areLists(texts: readonly string[], syntax: ListSyntax): boolean {
  return texts.every((text) => elementsOf(text, syntax) !== null);
}

function separated(separator: string): ListStyle {
  return {
    separator,
    split: (text) =>
      text
        .split(separator)
        .map((item) => item.trim())
        .filter((item) => item !== ""),
  };
}

/** What stands between values, in the order in which it is tried. A comma or a blank is also part of plain texts. */
const SEPARATORS = ["|", ";", ",", " "] as const;
/** Share of the different texts that must hold the separator. */
const SEPARATED = { "|": 0.05, ";": 0.05, ",": 0.2, " ": 0.2 } as const;
/** The different values are at most this share of the different texts: they come again in other company. */
const MOST_VALUES = { "|": Number.POSITIVE_INFINITY, ";": 1, ",": 0.5, " ": 0.1 } as const;
/** Words that one value has at most, on average: more, and it is a sentence with commas in it. */
const MOST_WORDS = 2.5;
/** Different texts below which nothing is said about a comma or a blank. */
const FEW_TEXTS = 20;

/** How lists among these different texts are written; null where they are no lists. */
export function listStyleOf(texts: readonly string[]): ListStyle | null {
  if (texts.length === 0) return null;
  if (texts.every((text) => text.trimStart().startsWith("["))) {
    if (areLists(texts, "json")) return listed("json");
    return areLists(texts, "python") ? listed("python") : null;
  }
  for (const separator of SEPARATORS) {
    if (texts.length < FEW_TEXTS && (separator === "," || separator === " ")) continue;
    const style = separated(separator);
    if (!isSeparated(texts, separator, style)) continue;
    return separator === " " && isProse(texts) ? { ...style, words: true } : style;
  }
  return null;
}

function isSeparated(texts: readonly string[], separator: (typeof SEPARATORS)[number], { split }: ListStyle): boolean {
  const held = texts.filter((text) => text.trim().includes(separator));
  if (held.length < SEPARATED[separator] * texts.length) return false;
  const values = new Set(texts.flatMap(split));
  if (values.size > MOST_VALUES[separator] * texts.length) return false;
  const words = [...values].reduce((sum, value) => sum + value.split(/\s+/).length, 0);
  return words <= MOST_WORDS * values.size;
}

/** Whether texts are phrases rather than lists: a mark stands in some, or their words come in both cases. */
function isProse(texts: readonly string[]): boolean {
  return texts.some((text) => /[,.!?:–—]/.test(text)) || texts.some((text) => /^\p{Lu}\p{Ll}+ /u.test(text));
}
