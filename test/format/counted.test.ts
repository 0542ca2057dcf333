import { expect, test } from "vitest";
import { counted } from "../../format/counted.ts";

test.each<[number, string]>([
  [0, "0 pages"],
  [1, "1 page"],
  [2, "2 pages"],
  [1234, "1,234 pages"],
])("%d of a noun", (count, text) => {
  expect(counted(count, "page")).toBe(text);
});
