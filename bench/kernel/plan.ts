// What `npm run bench -- kernel` measures of our kernel.
import type { KernelVariant } from "../../runtime/variant.ts";
import { type CaseShape, type Precision, SHAPES } from "./cases.ts";
import { type Way, wayText } from "./contestant.ts";

/** One form in which our kernel scores. */
export interface Form {
  precision: Precision;
  variant: KernelVariant;
  way: Way;
  /** Whether `Scorer` starts from raw records, or the kernel from row numbers. */
  raw: boolean;
}

/** Forms that are raced on one case at several batch sizes. */
export interface Heat {
  shape: CaseShape;
  /** Whether all records have the same context, as in ranking. */
  oneContext: boolean;
  forms: readonly Form[];
  /** Records a call; in ranking, candidates. */
  batches: readonly number[];
}

const PRECISIONS: readonly Precision[] = ["int8", "f32"];
const WAYS: readonly Way[] = ["whole", "context once", "catalogue"];
/** On larger batches the scalar kernel takes seconds, and nothing new is learnt. */
const MAX_SCALAR_BATCH = 64;
const [RANKED_SHAPE] = SHAPES;

/** `quick`: the first shape, the relaxed kernel and few batch sizes only. */
export function heats(quick: boolean): Heat[] {
  const variants: readonly KernelVariant[] = quick ? ["relaxed"] : ["relaxed", "simd", "scalar"];
  const whole = PRECISIONS.flatMap((precision) =>
    variants.map((variant): Form => ({ precision, variant, way: "whole", raw: false })),
  );
  const ranked = PRECISIONS.flatMap((precision) =>
    [false, true].flatMap((raw) => WAYS.map((way): Form => ({ precision, variant: "relaxed", way, raw }))),
  );
  const batches = quick ? [1, 64] : [1, 16, 64, 256, 1024];
  const candidates = quick ? [500] : [100, 500, 2000];
  return (quick ? SHAPES.slice(0, 1) : SHAPES).flatMap((shape): Heat[] => {
    const heat = { shape, oneContext: false, forms: whole, batches };
    return shape === RANKED_SHAPE ? [heat, { shape, oneContext: true, forms: ranked, batches: candidates }] : [heat];
  });
}

export function racesAt(batch: number, { variant }: Form): boolean {
  return variant !== "scalar" || batch <= MAX_SCALAR_BATCH;
}

export function formText({ precision, variant, way, raw }: Form): string {
  return `${precision} ${variant}${raw ? ", raw records" : ""}${wayText(way)}`;
}
