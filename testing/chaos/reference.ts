import type { AttackModel, RawRecord } from "../attack/model.ts";

/** What an answer says of its scores. */
export interface Scored {
  records: readonly RawRecord[];
  /** A score for each record, in their order. */
  scores: readonly number[];
  /** How many values were scored as if never seen, since their rows were not there; 0: none. */
  missing: number;
  /** Whether the fields of the context are one for all records, so that each of their values counts once. */
  ranked: boolean;
}

/** More rows in pages than a record may have for every choice of them to be tried. */
const MOST_COLD = 10;

/**
 * What is wrong with scores of a version, in words; null where nothing is. A score must be, to the bit, what the kernel
 * gives here, with all rows; or where rows are missing, with some of the rows that pages have left out, the same of a
 * context for all its candidates, and as many in all as the answer says.
 */
export function judgeScores({ records, scores, missing, ranked }: Scored, model: AttackModel): string | null {
  if (scores.length !== records.length) return `got ${scores.length} scores, expected ${records.length}`;
  const right = model.score(records);
  const differs = scores.findIndex((score, i) => Math.fround(score) !== right[i]);
  if (missing === 0)
    return differs < 0 ? null : `records[${differs}]: got the score ${scores[differs]}, expected ${right[differs]}`;
  const choices = records.map((record, i) => choicesOf(record, scores[i], model, ranked));
  const none = choices.findIndex((list) => list !== null && list.length === 0);
  if (none >= 0)
    return `records[${none}]: got the score ${scores[none]}, expected ${right[none]}, or one without some rows of pages`;
  const known = choices.filter((list) => list !== null);
  // Where a record has too many rows in pages to try every choice, the sum is not known either.
  if (known.length < choices.length || canSum(known, missing)) return null;
  return `got ${missing} missing rows, expected as many as the scores are without`;
}

/** A choice of rows that a score can be without. */
interface Choice {
  /** The keys of those that are the context's. */
  context: string;
  /** How many values of the context, and of the rest, they are of. */
  contextCount: number;
  ownCount: number;
}

/** The choices of missing rows that give a score; null where there are too many to try. */
function choicesOf(record: RawRecord, score: number, model: AttackModel, ranked: boolean): Choice[] | null {
  const { scorer, opened } = model;
  const { fields } = scorer.manifest.spec;
  const one = scorer.encode([record]);
  const { addresses } = scorer.locate(one);
  const cold = Array.from({ length: one.entries }, (_, entry) => entry).filter((entry) => addresses[entry] === 0);
  // Values that are the same lack their row together.
  const keys = [...new Set(cold.map((entry) => keyOf(one.keys, entry)))];
  if (keys.length > MOST_COLD) return null;
  const variants = 1 << keys.length;
  const all = scorer.encode(Array<RawRecord>(variants).fill(record));
  for (let variant = 0; variant < variants; variant++) {
    for (const entry of cold) {
      if (!((variant >> keys.indexOf(keyOf(one.keys, entry))) & 1)) continue;
      // The key 0 asks for the field's OOV row.
      all.keys.fill(0, 2 * (variant * one.entries + entry), 2 * (variant * one.entries + entry + 1));
    }
  }
  const { scores } = scorer.score(scorer.locate(all), opened);
  const isContext = (entry: number): boolean => {
    const field = fields.findIndex((_, f) => entry < one.offsets[f + 1]);
    return ranked && fields[field].side === "context";
  };
  const choices: Choice[] = [];
  for (let variant = 0; variant < variants; variant++) {
    if (scores[variant] !== Math.fround(score)) continue;
    const lost = cold.filter((entry) => (variant >> keys.indexOf(keyOf(one.keys, entry))) & 1);
    const ofContext = lost.filter(isContext);
    const context = ofContext.map((entry) => keyOf(one.keys, entry)).join();
    choices.push({ context, contextCount: ofContext.length, ownCount: lost.length - ofContext.length });
  }
  return choices;
}

function keyOf(keys: Uint32Array, entry: number): string {
  return `${keys[2 * entry]}:${keys[2 * entry + 1]}`;
}

/** Whether one choice for each record, all with the same of the context, can make `missing` values in all. */
function canSum(choices: readonly Choice[][], missing: number): boolean {
  const contexts = new Map(choices[0]?.map(({ context, contextCount }) => [context, contextCount]));
  for (const [context, contextCount] of contexts) {
    let sums = new Set([contextCount]);
    for (const list of choices) {
      const counts = new Set(list.filter((choice) => choice.context === context).map(({ ownCount }) => ownCount));
      sums = new Set([...sums].flatMap((sum) => [...counts].map((count) => sum + count)));
    }
    if (sums.has(missing)) return true;
  }
  return false;
}
