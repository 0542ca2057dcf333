import { expect, test } from "vitest";
import { namesOf, pointerOf } from "../../format/json-pointer.ts";

test.each([
  [[], ""],
  [[""], "/"],
  [["foo", "0"], "/foo/0"],
  [["a/b"], "/a~1b"],
  [["m~n"], "/m~0n"],
  [["~1", "~0", "/~"], "/~01/~00/~1~0"],
  [["c%d", 'k"l', " ", "é"], '/c%d/k"l/ /é'],
])("%j is %s, and the other way round", (names, pointer) => {
  expect(pointerOf(names)).toBe(pointer);
  expect(namesOf(pointer)).toEqual(names);
});
