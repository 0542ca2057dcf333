import { describe, expect, test } from "vitest";
import { LimitError } from "../../runtime/encoding-limits.ts";
import { RequestEncoder } from "../../runtime/request-encoder.ts";
import { randomModel } from "../../testing/kernel/random-model.ts";

const FIELDS = 8;
const encoder = new RequestEncoder(randomModel({ fields: FIELDS, embeddingDim: 4 }).spec, null);
const limits = { maxCells: 5 * FIELDS };
const records = (count: number): object[] => Array.from({ length: count }, () => ({}));

describe("as many records as there are cells for are encoded, and of more it is said how many that are", () => {
  const refused = (encode: () => unknown): string => {
    try {
      encode();
    } catch (error) {
      expect(error).toBeInstanceOf(LimitError);
      return (error as Error).message;
    }
    return "nothing";
  };

  test("records", () => {
    expect(encoder.encode(records(5), limits).count).toBe(5);
    expect(refused(() => encoder.encode(records(6), limits))).toBe(
      "records: got 6 of 8 fields each, expected at most 5 in a request",
    );
  });

  test("values, at the place of the record with which they are too many", () => {
    const few = { maxEntries: 2 * FIELDS };
    expect(refused(() => encoder.encode(records(3), few))).toMatch(/^records\[2\]: got 24 values up to here/);
    const placed = (...place: [string?, (() => string)?]) =>
      refused(() => encoder.encodeCandidates({}, records(9), few, ...place));
    expect(placed()).toMatch(/^candidates\[\d\]: got/);
    expect(placed("items", () => "items")).toMatch(/^items: got/);
  });

  test.each(["candidates", "items"])("%s, beside a context", (list) => {
    expect(encoder.encodeCandidates({}, records(4), limits, list).count).toBe(5);
    expect(refused(() => encoder.encodeCandidates({}, records(5), limits, list))).toBe(
      `${list}: got 5 of 8 fields each, expected at most 4 in a request`,
    );
  });
});
