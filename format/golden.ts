import * as v from "valibot";
import { MAX_GOLDEN_RECORDS } from "./constants.ts";

const finite = v.pipe(v.number(), v.finite());

// Not `v.record`, which drops members such as "constructor", and a field may have such a name.
const record = v.custom<Record<string, unknown>>(
  (input) => typeof input === "object" && input !== null && !Array.isArray(input),
  "expected an object",
);

export const GoldenRecordsSchema = v.strictObject({
  tolerance: v.pipe(finite, v.minValue(0)),
  records: v.pipe(v.array(v.strictObject({ record, logit: finite })), v.maxLength(MAX_GOLDEN_RECORDS)),
});

/**
 * Records with the logits that the exporter's kernel gave them from the blob alone, a row that is in a page counting as
 * its field's OOV row. A server scores them before it lets a model serve.
 */
export type GoldenRecords = v.InferOutput<typeof GoldenRecordsSchema>;
