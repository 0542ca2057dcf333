import { expect, test } from "vitest";
import { DigestSet } from "../../deploy/digest-set.ts";
import { toHex } from "../../format/hash.ts";
import { integer, seeded } from "../../testing/format/random.ts";

test("a set of digests has what a set of their texts has, also where their first words are the same", () => {
  const random = seeded(5);
  const digest = (): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (i < 8 ? 0 : integer(random, 0, 3)));
  const [set, texts] = [new DigestSet(), new Set<string>()];
  for (let i = 0; i < 3000; i++) {
    const one = digest();
    expect(set.add(one)).toBe(!texts.has(toHex(one)));
    texts.add(toHex(one));
  }
  expect(set.size).toBe(texts.size);
  for (let i = 0; i < 3000; i++) {
    const one = digest();
    expect(set.has(one)).toBe(texts.has(toHex(one)));
  }
});

test("lists of digests are added as a whole, or as far as another set has them, zeros too", () => {
  const list = new Uint8Array(48).fill(7, 16, 32).fill(9, 32);
  const set = new DigestSet();
  set.addAll(list);
  expect(set.size).toBe(3);
  expect([0, 1, 2].map((i) => set.has(list, i))).toEqual([true, true, true]);
  const shared = new DigestSet(2);
  shared.addShared(new Uint8Array(64).fill(7, 16, 32).fill(8, 32, 48), set);
  expect(shared.size).toBe(2);
  expect([shared.has(list, 0), shared.has(list, 1), shared.has(list, 2)]).toEqual([true, true, false]);
  // A list may begin in the middle of a word.
  expect(set.has(Uint8Array.from([0, ...list.subarray(16, 32)]).subarray(1))).toBe(true);
});
