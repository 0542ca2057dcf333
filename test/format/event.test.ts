import { expect, test } from "vitest";
import { type ListEvent, parseEvent, writeEvent } from "../../format/event.ts";
import { exampleEvent } from "../../testing/exposures/example-lines.ts";

test.each<Partial<ListEvent>>([
  {},
  { type: "conversion", key: "order 7" },
  { type: "revenue", value: 12.5, key: "order 7" },
  { item: "ключ\n" },
])("%j: a line comes back as it was written", (changes) => {
  const event = exampleEvent(changes);
  expect(parseEvent(writeEvent(event))).toEqual(event);
});

test.each<[Record<string, unknown>, string]>([
  [{ v: 2 }, "event: v: got version 2, expected 1"],
  [{ id: "x" }, 'event: id: got "x", expected a signed request id'],
  [{ type: "view" }, 'event: type: got "view", expected ("click" | "conversion" | "revenue")'],
  [{ item: "" }, "event: item: got length 0, expected >=1"],
  [{ t: "now" }, 'event: t: got "now", expected number'],
  [{ received: undefined }, 'event: received: missing, expected "received"'],
  [{ value: "7" }, 'event: value: got "7", expected number'],
  [{ type: "revenue" }, "event: value: got none, expected what the revenue is"],
  [{ key: "k".repeat(65) }, "event: key: got length 65, expected <=64"],
  [{ u: "0123456789abcdef" }, "event: u: unknown key"],
])("%j is refused", (changes, message) => {
  const line = JSON.stringify({ ...exampleEvent(), ...changes });
  expect(() => parseEvent(line)).toThrow(expect.objectContaining({ name: "FormatError", message }));
});
