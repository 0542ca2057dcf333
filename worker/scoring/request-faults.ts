import { EncodedRecords } from "../../format/encoded-records.ts";
import { FormatError, RequestError } from "../../format/errors.ts";
import type { BlobManifest } from "../../format/read-blob.ts";
import { RecordEncoder } from "../../format/record.ts";
import { itemId } from "../../runtime/item-id.ts";
import { parsed } from "../../runtime/unparsed.ts";
import { BodyError } from "../http/errors.ts";
import { MAX_ERRORS, MAX_RECORDS } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import { OverloadedError } from "../memory/overloaded-error.ts";

/** The members of a body whose contents the model's encoder judges. Lists that are none are for a schema to refuse. */
interface JudgedBody {
  records?: unknown;
  /** May be Unparsed. */
  context?: unknown;
  candidates?: unknown;
  items?: unknown;
}

/**
 * Throws all that is wrong with a body of which `found` is known: these errors, and what the model's encoder says
 * beside; without a model, these alone. Throws BodyError alone where the context is no JSON.
 */
export function throwFaults(
  found: readonly FormatError[],
  body: unknown,
  model: BlobManifest | null,
  lease: Lease,
): never {
  const judged = (body ?? {}) as JudgedBody;
  // What is no JSON is said before what is wrong with it.
  parsed(judged.context);
  const errors = [...found];
  const known = new Set(found.map(({ place }) => place));
  try {
    for (const fault of model ? faultsOf(judged, model, lease) : []) {
      if (errors.length >= MAX_ERRORS) break;
      if (!known.has(fault.place)) errors.push(fault);
    }
  } catch (error) {
    // Without memory for a second look, or where what follows is not JSON, what was found so far is answered.
    if (!(error instanceof OverloadedError) && !(error instanceof BodyError)) throw error;
  }
  RequestError.throwAll(errors.slice(0, MAX_ERRORS));
  throw new Error("a request was refused without an error");
}

/** Goes through the lists of a body anew, and tries each value of a record that is refused. */
function* faultsOf(
  { records, context = {}, candidates, items }: JudgedBody,
  model: BlobManifest,
  lease: Lease,
): Faults {
  const encoder = new RecordEncoder(model.spec);
  const held = lease.bytes;
  const { length: fields } = encoder.fields;
  const entries = new EncodedRecords(fields, fields, (bytes) => lease.resize(held + bytes));
  yield* faultsIn(records, "records", (record, place) => encoder.encodeObject(record, entries, place), entries);
  if (candidates === undefined && items === undefined) return;
  yield* faultsOfRecord(parsed(context), (one) => encoder.encodeContext(one, entries, "context"));
  yield* faultsIn(candidates, "candidates", (item, place) => encoder.encodeItem(item, entries, place), entries);
  if (model.items === null) return;
  const position = encoder.fields.findIndex(({ name }) => name === model.items?.field);
  yield* faultsIn(items, "items", (id, place) => itemId(id, encoder, position, place), entries);
}

type Faults = Generator<FormatError>;

/**
 * `encode` throws at the first fault of an element. What it adds to `entries` is of no use. Elements beyond the most
 * that a request may have are not looked at: a body has room for millions, which would take seconds.
 */
function* faultsIn(
  list: unknown,
  name: string,
  encode: (element: unknown, place: string) => void,
  entries: EncodedRecords,
): Faults {
  let i = 0;
  for (const element of listOf(list)) {
    if (i >= MAX_RECORDS) return;
    const place = `${name}[${i++}]`;
    entries.clear();
    yield* faultsOfRecord(element, (one) => encode(one, place));
  }
}

/** What is wrong with the members of a record, each by itself; with the record, if it is none or only as a whole. */
function* faultsOfRecord(record: unknown, encode: (record: unknown) => void): Faults {
  const whole = faultOf(() => encode(record));
  if (whole === null) return;
  let found = false;
  if (typeof record === "object" && record !== null && !Array.isArray(record)) {
    for (const [name, value] of Object.entries(record)) {
      const fault = faultOf(() => encode({ [name]: value }));
      if (fault) yield fault;
      found ||= fault !== null;
    }
  }
  if (!found) yield whole;
}

function faultOf(encode: () => void): FormatError | null {
  try {
    encode();
    return null;
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}

function listOf(list: unknown): Iterable<unknown> {
  return typeof list === "object" && list !== null && Symbol.iterator in list ? (list as Iterable<unknown>) : [];
}
