import { FormatError } from "../format/errors.ts";
import { EncodedRecords, type RecordEncoder } from "../format/record.ts";

/**
 * Encodes a request's records, at most `maxEntries` values of them: multi-valued fields could otherwise make millions
 * out of a body of a few bytes each. Throws FormatError at the first record that breaks the spec or the limit.
 */
export function encodeRecords(encoder: RecordEncoder, records: readonly unknown[], maxEntries: number): EncodedRecords {
  const encoded = new EncodedRecords();
  records.forEach((record, i) => {
    const place = `records[${i}]`;
    encoder.encodeObject(record, encoded, place);
    if (encoded.entries > maxEntries) {
      throw new FormatError(
        place,
        `got ${encoded.entries} values up to here, expected at most ${maxEntries} in a request`,
      );
    }
  });
  return encoded;
}
