import { expect, test } from "vitest";
import { checkReceipt, hasItem, itemTags, makeReceipt } from "../../format/item-tags.ts";
import { readMacKeys } from "../../format/mac.ts";
import { makeRequestId } from "../../format/request-id.ts";
import { generateToken } from "../../format/tokens.ts";
import { seedRandomBytes } from "../../testing/format/seeded-bytes.ts";

const KEYS = readMacKeys(`${generateToken()} ${generateToken()}`, "SECRETS");
const [NEW, OLD] = KEYS;
const [ID, OTHER] = twoIds();
const ITEMS = Array.from({ length: 100 }, (_, i) => `item-${i}ю`);

/** The same ones in each run, and so are the tags under them. */
function twoIds(): [string, string] {
  using _bytes = seedRandomBytes(1);
  return [makeRequestId(KEYS, 7), makeRequestId(KEYS, 7)];
}

test("tags of 2 bytes tell the items of a list from others, but for one in hundreds", () => {
  const tags = itemTags(ID, ITEMS);
  expect(tags.length).toBe(200);
  expect(ITEMS.every((item) => hasItem(tags, ID, item))).toBe(true);
  expect(ITEMS.filter((item) => hasItem(tags, OTHER, item)).length).toBeLessThan(10);
  const foreign = Array.from({ length: 20_000 }, (_, i) => hasItem(tags, ID, `other-${i}`));
  const share = foreign.filter(Boolean).length / foreign.length;
  expect(share).toBeLessThan(5e-3); // 100/65,536 is expected
});

test("a receipt is taken for its request and its items, while one of the secrets is known", () => {
  const receipt = makeReceipt(OLD, ID, ITEMS);
  expect(receipt).toMatch(/^[\w-]{275}$/);
  checkReceipt(receipt, KEYS, { id: ID, item: ITEMS[99] }, "events[0]");
  expect(() => checkReceipt(receipt, KEYS, { id: ID, item: "other" }, "events[0]")).toThrow(
    `events[0].item: got "other", expected an item of the list of "${ID}"`,
  );
  expect(() => checkReceipt(receipt, KEYS, { id: OTHER, item: ITEMS[0] }, "e")).toThrow("e.receipt: got");
  expect(() => checkReceipt(receipt, [NEW], { id: ID, item: ITEMS[0] }, "e")).toThrow("e.receipt: got");
});

test.each(["", "A", "AAAAAAAA", "?", "A".repeat(275)])("a forged receipt is refused: %j", (receipt) => {
  expect(() => checkReceipt(receipt, KEYS, { id: ID, item: ITEMS[0] }, "events[0]")).toThrow("events[0].receipt: got");
});
