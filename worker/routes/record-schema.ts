import * as v from "valibot";

const value = v.union([v.string(), v.number(), v.boolean(), v.null()]);

/** A record, or the part of one that is of the context or of an item: values by the columns of the model's fields. */
export const RecordSchema = v.record(v.string(), v.union([value, v.array(value)]));
