import { EncodedRecords } from "../format/encoded-records.ts";
import type { FittedSpec } from "../format/fitted-spec.ts";
import { JsonRecordEncoder } from "../format/json-record.ts";
import { type FieldSide, RecordEncoder } from "../format/record.ts";
import { type EncodingLimits, LimitError, type Listed, NO_LIMITS, readEach } from "./encoding-limits.ts";

/** Encodes the records of a request within its limits, from their JSON where that is simple. */
export class RequestEncoder {
  readonly records: RecordEncoder;
  readonly #json: JsonRecordEncoder | null;
  readonly #fields: number;
  /** How many fields are on the item's side. */
  readonly #itemFields: number;

  constructor(spec: FittedSpec) {
    this.records = new RecordEncoder(spec);
    this.#json = JsonRecordEncoder.of(spec);
    this.#fields = spec.fields.length;
    this.#itemFields = spec.fields.filter(({ side }) => side === "item").length;
  }

  /**
   * Encodes records. Throws FormatError at the first one that breaks the spec, and at the one with which there are more
   * values than `given` allows: multi-valued fields can make millions of values out of a few bytes each.
   */
  encode(records: Listed<unknown>, given: EncodingLimits = {}): EncodedRecords {
    const limits = { ...NO_LIMITS, ...given };
    const cells = records.length * this.#fields;
    const encoded = this.#room("records", records.length, cells, cells, limits);
    this.#readInto(encoded, "records", records, limits, undefined, (record, place) => {
      this.records.encodeObject(record, encoded, place);
    });
    return encoded;
  }

  /**
   * Encodes one context and its candidates, for `Scorer.rank`. Record 0 gets the context's fields, and each of the
   * others the fields of an item. Throws FormatError as `encode` does, and where a record has a field of the other
   * side.
   */
  encodeCandidates(context: unknown, candidates: Listed<unknown>, given: EncodingLimits = {}): EncodedRecords {
    const limits = { ...NO_LIMITS, ...given };
    const fields = this.#fields;
    const entries = fields - this.#itemFields + candidates.length * this.#itemFields;
    const cells = (1 + candidates.length) * fields;
    const encoded = this.#room("candidates", candidates.length, cells, entries, limits);
    const parts = this.records.encodeContext(context, encoded, "context");
    refuseEntriesBeyond(limits, encoded, "context");
    this.#readInto(encoded, "candidates", candidates, limits, "item", (candidate, place) => {
      this.records.encodeItem(candidate, encoded, place, parts);
    });
    return encoded;
  }

  /**
   * Encodes the records of a list, or of their fields those of a `side`: from their JSON where that is simple, else by
   * `encode`.
   */
  #readInto(
    encoded: EncodedRecords,
    list: string,
    records: Listed<unknown>,
    limits: Required<EncodingLimits>,
    side: FieldSide | undefined,
    encode: (record: unknown, place: string) => void,
  ): void {
    let i = 0;
    readEach(records, {
      fromJson: (bytes, at, end) => {
        const { entries } = encoded;
        const next = this.#json?.encode(bytes, at, end, encoded, side) ?? -1;
        if (next < 0) return -1;
        if (encoded.entries > limits.maxEntries) {
          // What follows may not be JSON, which would be the greater fault.
          encoded.entries = entries;
          encoded.count--;
          return -1;
        }
        i++;
        return next;
      },
      fromValue: (record) => {
        const place = `${list}[${i++}]`;
        encode(record, place);
        refuseEntriesBeyond(limits, encoded, place);
      },
    });
  }

  /** Room for `count` records and the values of single-valued fields. Throws FormatError where that is too much. */
  #room(
    place: string,
    count: number,
    cells: number,
    entries: number,
    limits: Required<EncodingLimits>,
  ): EncodedRecords {
    const fields = this.#fields;
    if (cells > limits.maxCells) {
      const most = Math.floor(limits.maxCells / fields);
      throw new LimitError(place, `got ${count} of ${fields} fields each, expected at most ${most} in a request`);
    }
    return new EncodedRecords(cells, entries, limits.reserve);
  }
}

function refuseEntriesBeyond(
  { maxEntries }: Required<EncodingLimits>,
  { entries }: EncodedRecords,
  place: string,
): void {
  if (entries > maxEntries)
    throw new LimitError(place, `got ${entries} values up to here, expected at most ${maxEntries} in a request`);
}
