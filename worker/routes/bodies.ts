import * as v from "valibot";
import { atMostRecords } from "../http/list-schema.ts";
import { MAX_RECORDS } from "../limits.ts";
import { modelChoice, rankFallback } from "./model-choice.ts";
import { RecordSchema } from "./record-schema.ts";

// What the routes take. What a record, the context, a candidate or an item holds is for the model's encoder to judge.

/** Whether the answer is to count unseen values. */
const unseen = v.optional(v.boolean());

export const ScoreBody = v.strictObject({ records: atMostRecords("records", RecordSchema), unseen, ...modelChoice });

const RANGE_OF_K = `expected a whole number from 1 to ${MAX_RECORDS}`;

const IdSchema = v.union([v.string(), v.number()]);

/**
 * Ids and bids are lists of their own, as a candidate's keys are the model's, which may have a field of any name.
 */
export const RankBody = v.strictObject({
  context: v.optional(v.unknown() as v.GenericSchema<v.InferInput<typeof RecordSchema>, unknown>, {}),
  candidates: v.optional(atMostRecords("candidates", RecordSchema)),
  items: v.optional(atMostRecords("items", IdSchema)),
  ids: v.optional(atMostRecords("ids", IdSchema)),
  objective: v.optional(v.picklist(["ctr", "ecpm"])),
  bids: v.optional(atMostRecords("bids", v.pipe(v.number(), v.gtValue(0)))),
  k: v.optional(
    v.pipe(v.number(RANGE_OF_K), v.integer(RANGE_OF_K), v.minValue(1, RANGE_OF_K), v.maxValue(MAX_RECORDS, RANGE_OF_K)),
  ),
  sort: v.optional(v.boolean(), true),
  experiment: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
  receipt: v.optional(v.boolean()),
  unseen,
  ...modelChoice,
  fallback: rankFallback,
});
