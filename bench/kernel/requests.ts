// What a Worker does with a request, without its JSON: raw records to keys, keys to rows, rows to scores.
import { writeBlob } from "../../format/write-blob.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { type BenchCase, CONTEXT_FIELDS, type Precision } from "./cases.ts";
import { modelFor } from "./catalogue.ts";
import { type Contestant, type Way, wayText } from "./contestant.ts";

/** `Scorer` in Node, on a case's raw values: whole records, or one context with candidates or a catalogue's ids. */
export function requestContestant(one: BenchCase, precision: Precision, way: Way): Contestant {
  const { fields, rows, texts } = one;
  const { model } = modelFor(one, precision, way);
  const scorer = new Scorer(placeBlob(kernelModule("relaxed"), writeBlob(model)));
  const names = scorer.manifest.spec.fields.map(({ name }) => name);
  const text = (b: number, f: number): string => texts[rows[b * fields + f]];
  const record = (b: number, from: number, to: number): Record<string, string> =>
    Object.fromEntries(names.slice(from, to).map((name, f) => [name, text(b, from + f)]));
  const count = rows.length / fields;
  const context = record(0, 0, CONTEXT_FIELDS);
  // JSON.parse makes the objects and strings, as it does of a request's body; V8 may hold others in another form.
  const records: unknown[] = JSON.parse(
    JSON.stringify(Array.from({ length: count }, (_, b) => record(b, way === "whole" ? 0 : CONTEXT_FIELDS, fields))),
  );
  const ids = Array.from({ length: count }, (_, b) => text(b, CONTEXT_FIELDS));
  const score = (first: number, n: number): Float32Array => {
    if (way === "catalogue") {
      return scorer.rankItems(scorer.locateItems(context, ids.slice(first, first + n)), new Map()).logits;
    }
    const some = records.slice(first, first + n);
    if (way === "whole") return scorer.score(scorer.locate(scorer.encode(some)), new Map()).logits;
    return scorer.rank(scorer.locate(scorer.encodeCandidates(context, some)), new Map()).logits;
  };
  return {
    name: `${precision} relaxed, raw records${wayText(way)}`,
    score: (first, n, logits) => logits.set(score(first, n)),
    close() {},
  };
}
