import { EncodedRecords } from "../format/encoded-records.ts";
import type { FittedSpec } from "../format/fitted-spec.ts";
import { type FieldSide, RecordEncoder } from "../format/record.ts";
import { type EncodingLimits, LimitError, type Listed, NO_LIMITS, readEach } from "./encoding-limits.ts";
import type { JsonEncoder } from "./json-encoder.ts";

/** Encodes the records of a request within its limits, from their JSON where that is simple. */
export class RequestEncoder {
  readonly records: RecordEncoder;
  readonly #json: JsonEncoder | null;
  readonly #fields: number;
  /** How many fields are on the item's side. */
  readonly #itemFields: number;

  /** `json`: what encodes records from their JSON, if anything does. */
  constructor(spec: FittedSpec, json: JsonEncoder | null) {
    this.records = new RecordEncoder(spec);
    this.#json = json;
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
    this.#readInto(
      encoded,
      (i) => `records[${i}]`,
      records,
      limits,
      undefined,
      (record, place) => {
        this.records.encodeObject(record, encoded, place);
      },
    );
    return encoded;
  }

  /**
   * Encodes one context and its candidates, for `Scorer.rank`. Record 0 gets the context's fields, and each of the
   * others the fields of an item. Throws FormatError as `encode` does, and where a record has a field of the other
   * side. `list`: what the request calls the candidates; `placeOf`: where it has the one with a number.
   */
  encodeCandidates(
    context: unknown,
    candidates: Listed<unknown>,
    given: EncodingLimits = {},
    list = "candidates",
    placeOf = (i: number) => `${list}[${i}]`,
  ): EncodedRecords {
    const limits = { ...NO_LIMITS, ...given };
    const fields = this.#fields;
    const entries = fields - this.#itemFields + candidates.length * this.#itemFields;
    const cells = (1 + candidates.length) * fields;
    const encoded = this.#room(list, candidates.length, cells, entries, limits);
    const parts = this.records.encodeContext(context, encoded, "context");
    refuseEntriesBeyond(limits, encoded, "context");
    this.#readInto(encoded, placeOf, candidates, limits, "item", (candidate, place) => {
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
    placeOf: (i: number) => string,
    records: Listed<unknown>,
    limits: Required<EncodingLimits>,
    side: FieldSide | undefined,
    encode: (record: unknown, place: string) => void,
  ): void {
    const first = encoded.count;
    readEach(records, {
      get taken() {
        return encoded.count - first;
      },
      fromJson: (bytes, at, end) => this.#json?.encode(bytes, at, end, encoded, limits.maxEntries, side) ?? -1,
      fromValue: (record) => {
        const place = placeOf(encoded.count - first);
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
      // A context has cells beside those of the candidates.
      const most = Math.floor(limits.maxCells / fields) - (cells / fields - count);
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
