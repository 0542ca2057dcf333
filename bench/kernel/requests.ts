// What a Worker does with a request, but for its JSON: raw records to keys, keys to rows, rows to scores.
import { placeBlob } from "../../format/placed-blob.ts";
import { Scorer } from "../../format/scorer.ts";
import { writeBlob } from "../../format/write-blob.ts";
import { kernelModule } from "../../trainer/kernel-module.ts";
import { type BenchCase, CONTEXT_FIELDS } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

/** `Scorer` on a case's raw records; `rank`: on one context and its candidates. */
export function requestContestant(
  { fields, rows, texts, models }: BenchCase,
  type: "int8" | "f32",
  rank: boolean,
): Contestant {
  const scorer = new Scorer(placeBlob(kernelModule("relaxed"), writeBlob(models[type])));
  const names = scorer.manifest.spec.fields.map(({ name }) => name);
  const record = (b: number, from: number, to: number): Record<string, string> =>
    Object.fromEntries(
      names.slice(from, to).map((name, f) => [name, texts[rows[b * fields + from + f] as number] as string]),
    );
  const count = rows.length / fields;
  const context = record(0, 0, CONTEXT_FIELDS);
  const records = Array.from({ length: count }, (_, b) => record(b, rank ? CONTEXT_FIELDS : 0, fields));
  return {
    name: `${type} relaxed, raw records${rank ? ", context once" : ""}`,
    score(first, n, logits) {
      const some = records.slice(first, first + n);
      const encoded = rank ? scorer.encodeCandidates(context, some) : scorer.encode(some);
      const located = scorer.locate(encoded);
      logits.set((rank ? scorer.rank(located, new Map()) : scorer.score(located, new Map())).logits);
    },
    close() {},
  };
}
