// Texts that are one value to a person and two to a model: "DE", "de" and "de ".

export type SpellingStep = "nfkc" | "trim" | "spaces" | "lower";

export interface Spelling {
  /** What makes one text of them, in the order in which it is to be applied. */
  steps: SpellingStep[];
  /** How many different texts there are before and after these steps. */
  before: number;
  after: number;
  /** Some texts that become one, with stray blanks shown; empty where none do. */
  example: string[];
}

const STEPS: Record<SpellingStep, (text: string) => string> = {
  nfkc: (text) => text.normalize("NFKC"),
  trim: (text) => text.trim(),
  spaces: (text) => text.replace(/\s+/gu, " "),
  lower: (text) => text.toLowerCase(),
};

/**
 * Of ids in letters of both cases some are equal but for case by chance. Beyond this many texts, case is taken for a
 * matter of spelling only where that many of them, as a share, are one with another.
 */
const FEW_TEXTS = 1000;
const MIXED_CASE = 0.05;
/** Texts that an example shows. */
const EXAMPLE_TEXTS = 4;

/** How the spellings of some different texts differ. Null where they do not. */
export function spellingOf(texts: readonly string[]): Spelling | null {
  const all: SpellingStep[] = ["nfkc", "trim", "spaces", "lower"];
  const groups = (steps: readonly SpellingStep[]): number => new Set(texts.map((text) => spelled(text, steps))).size;
  const before = new Set(texts).size;
  const cased = groups(["nfkc", "trim", "spaces"]);
  const known = before <= FEW_TEXTS || cased - groups(all) >= MIXED_CASE * cased ? all : all.slice(0, 3);
  const after = groups(known);

  let steps = known;
  for (const step of known) {
    const fewer = steps.filter((other) => other !== step);
    if (groups(fewer) === after) steps = fewer;
  }
  // Stray blanks come and go from one export to the next, even where no two texts differ by them.
  if (!steps.includes("trim") && texts.some((text) => text !== text.trim()))
    steps = all.filter((step) => step === "trim" || steps.includes(step));
  return steps.length === 0 ? null : { steps, before, after, example: example(texts, steps) };
}

export function spelled(text: string, steps: readonly SpellingStep[]): string {
  return steps.reduce((spelling, step) => STEPS[step](spelling), text);
}

function example(texts: readonly string[], steps: readonly SpellingStep[]): string[] {
  const bySpelling = Map.groupBy(new Set(texts), (text) => spelled(text, steps));
  const [most = []] = [...bySpelling.values()].sort((a, b) => b.length - a.length);
  return most.length > 1 ? most.slice(0, EXAMPLE_TEXTS) : [];
}
