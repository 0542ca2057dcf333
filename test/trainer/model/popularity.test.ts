import { describe, expect, it } from "vitest";
import { parseFeatureSpec } from "../../../format/spec.ts";
import { itemField, namingField } from "../../../trainer/model/popularity.ts";

const price = { name: "price", type: "numeric", side: "item" };
const item = { name: "item", type: "categorical", side: "item" };
const age = { name: "age", type: "numeric" };
const user = { name: "user", type: "categorical" };

function specOf(fields: object[], itemField?: string) {
  const training = { loss: "in-batch", ...(itemField && { itemField }) };
  return parseFeatureSpec(JSON.stringify({ name: "m", fields, model: { type: "two-tower" }, training }), "spec");
}

describe("the field that tells items or users apart", () => {
  it("is the first that is no number, or the first where all are", () => {
    const spec = specOf([age, price, user, item]);
    expect([namingField(spec.fields, "context"), itemField(spec)]).toEqual([2, 3]);
    expect(itemField(specOf([user, price, age]))).toBe(1);
  });

  it("is the one that the spec names, which may be a number in bins but no spline", () => {
    const bins = { ...price, encoding: { kind: "log2" } };
    expect(itemField(specOf([user, item, bins], "price"))).toBe(2);
    expect(() => specOf([user, item, price], "price")).toThrow(
      'got itemField "price", a spline, whose numbers share rows, expected a field that tells items apart',
    );
  });
});
