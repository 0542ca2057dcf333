import { expect, it } from "vitest";
import { ValueIndex } from "../../../trainer/data/indexed-column.ts";

it("numbers different texts in order, however many a Map holds", () => {
  const index = new ValueIndex(2);
  const texts = ["a", "b", "a", "", "__proto__", "b", "c", "a", "d", "c", ""];
  expect(texts.map((text) => index.numberOf(text))).toEqual([0, 1, 0, 2, 3, 1, 4, 0, 5, 4, 2]);
  expect(index.values).toEqual(["a", "b", "", "__proto__", "c", "d"]);
});
