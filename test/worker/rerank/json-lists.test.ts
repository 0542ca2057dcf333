import { describe, expect, test } from "vitest";
import { integer, pick, seeded } from "../../../testing/format/random.ts";
import { shuffled } from "../../../testing/rerank/random-page.ts";
import { RerankCounters } from "../../../worker/metrics/rerank-counters.ts";
import type { FoundList } from "../../../worker/rerank/arranging.ts";
import { compileRoutes } from "../../../worker/rerank/compiled-routes.ts";
import { orderLists } from "../../../worker/rerank/json-lists.ts";
import { ListOrders } from "../../../worker/rerank/list-orders.ts";

interface JsonListSetting {
  name: string;
  list: string;
  id: string;
  fields?: Record<string, string>;
}

/** A document with its lists in orders by `orderOf`, and what was found in it. */
async function ordered(
  text: string | Uint8Array,
  lists: JsonListSetting[],
  orderOf: (n: number) => number[] = (n) => Array.from({ length: n }, (_, i) => n - 1 - i),
) {
  const found: FoundList[] = [];
  const arrange = async (list: FoundList) => {
    found.push(list);
    return { shown: orderOf(list.ids.length) };
  };
  const [{ json }] = compileRoutes([{ path: "/", lists: lists.map((list) => ({ type: "json", ...list })) }]);
  const orders = new ListOrders(
    { arrange },
    lists.map(({ name }) => name),
    1000,
    new RerankCounters(),
  );
  const bytes = Uint8Array.from(typeof text === "string" ? new TextEncoder().encode(text) : text);
  const { bytes: result, why } = await orderLists(bytes, json, orders);
  return { text: new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(result), why, found };
}

/** The longest id that a line of the log has. */
const LONG = "y".repeat(1024);
const ITEMS: JsonListSetting = { name: "items", list: "/items", id: "/id" };

describe("elements move as they are written", () => {
  test.each([
    ['{"items":[{"id":1},{"id":2}]}', '{"items":[{"id":2},{"id":1}]}'],
    [
      '{"items":[{"id":"a", "x":1.0} ,\n\t{ "id":"b","n":12345678901234567890}\r\n]}',
      '{"items":[{ "id":"b","n":12345678901234567890} ,\n\t{"id":"a", "x":1.0}\r\n]}',
    ],
    [
      '{"o":{"items":[1]},"items":[{"id":"]}"},{"id":"\\"[{"}]}',
      '{"o":{"items":[1]},"items":[{"id":"\\"[{"},{"id":"]}"}]}',
    ],
    ['{"\\u0069tems":[{"id":1},{"id":2}]}', '{"\\u0069tems":[{"id":2},{"id":1}]}'],
    ['\ufeff {"items":[{"id":1},{"id":2}]}', '\ufeff {"items":[{"id":2},{"id":1}]}'],
    // Whoever has no id, or one that is there already, stays.
    ['{"items":[{"id":1},{},{"id":2},{"id":1,"x":0}]}', '{"items":[{"id":2},{},{"id":1},{"id":1,"x":0}]}'],
    // Nor may what the log cannot have as it is: nobody could tell these two apart in UTF-8.
    [
      '{"items":[{"id":"\\ud800"},{"id":1},{"id":"\\ud801"},{"id":2}]}',
      '{"items":[{"id":"\\ud800"},{"id":2},{"id":"\\ud801"},{"id":1}]}',
    ],
    [
      `{"items":[{"id":1},{"id":"${LONG}"},{"id":"${LONG}x"},{"id":2}]}`,
      `{"items":[{"id":2},{"id":"${LONG}"},{"id":"${LONG}x"},{"id":1}]}`,
    ],
    ['{"items":[{"id":null},{"id":""},{"id":{}},3]}', '{"items":[{"id":null},{"id":""},{"id":{}},3]}'],
  ])("%s", async (text, expected) => {
    expect((await ordered(text, [ITEMS])).text).toBe(expected);
  });

  test.each([
    ["", '["a","b",3]', "", '[3,"b","a"]'],
    [
      "/0/a~1b~0",
      '[{"a/b~":[ {"k":{"id":7}} ,{"k":{"id":8}}]}]',
      "/k/id",
      '[{"a/b~":[ {"k":{"id":8}} ,{"k":{"id":7}}]}]',
    ],
    ["/1", '[0,[{"id":[5]},{"id":[6]}],0]', "/id/0", '[0,[{"id":[6]},{"id":[5]}],0]'],
  ])("the list at %j of %s", async (list, text, id, expected) => {
    expect((await ordered(text, [{ name: "list", list, id }])).text).toBe(expected);
  });
});

test("ids and fields are as they are written", async () => {
  const text =
    '{"items":[{"id":12345678901234567890,"p":1.5,"t":["a"],"o":{}},{"id":"12345678901234567891","p":null,"t":-1e400,"x":"Infinity"}]}';
  const { found } = await ordered(text, [{ ...ITEMS, fields: { price: "/p", tags: "/t", other: "/o", none: "/x" } }]);
  expect(found).toEqual([
    {
      name: "items",
      ids: ["12345678901234567890", "12345678901234567891"],
      items: [
        { price: 1.5, tags: ["a"] },
        { price: null, tags: "-1e400", none: "Infinity" },
      ],
    },
  ]);
});

test.each([
  // What JSON.parse would make one number of.
  ["1e400,2e400,-1e400,1e309", ["1e400", "2e400", "-1e400", "1e309"]],
  ["1e-400,2E-400,0,4e-324", ["1e-400", "2E-400", "0", "4e-324"]],
  ["0.1234567890123456789,0.12345678901234567891", ["0.1234567890123456789", "0.12345678901234567891"]],
  ["9007199254740992,9007199254740993", ["9007199254740992", "9007199254740993"]],
  // What is written in two ways is one number.
  ["1,2.0,3e0,-4.50,0.05e2,1e20,6E-7", ["1", "2", "3", "-4.5", "5", "100000000000000000000", "6e-7"]],
  ["1,1.0,10e-1,0,-0", ["1", "0"]],
])("ids are the numbers that are written: %s", async (numbers, ids) => {
  const { found } = await ordered(`{"items":[${numbers}]}`, [{ ...ITEMS, id: "" }]);
  expect(found.map((list) => list.ids)).toEqual([ids]);
});

test("numbers of a list that JSON.parse would round are as they are written, too", async () => {
  const text = '{"items":[{"id":1,"t":[ 12345678901234567890 ,1.0,"a",-1e400]},{"id":2,"t":[1.0,[2]]}]}';
  const { found } = await ordered(text, [{ ...ITEMS, fields: { tags: "/t" } }]);
  expect(found[0]?.items).toEqual([{ tags: ["12345678901234567890", 1, "a", "-1e400"] }, {}]);
});

test("an item whose id would be in a list without elements stays where it is", async () => {
  const text = '{"items":[{"id":[1]},{"id":[ ]},{"id":[2]}]}';
  const { text: after, why } = await ordered(text, [{ ...ITEMS, id: "/id/0" }]);
  expect([after, why]).toEqual(['{"items":[{"id":[2]},{"id":[ ]},{"id":[1]}]}', null]);
});

test("of members alike the last one counts, as for JSON.parse", async () => {
  const text =
    '{"items":[{"id":1,"p":1},{"id":2}],"items":[{"id":3,"p":1,"\\u0070":2,"id":4},{"p":{"p":5},"p":6,"id":7}],"z":[]}';
  const { found, text: after } = await ordered(text, [{ ...ITEMS, fields: { price: "/p" } }]);
  const { items } = JSON.parse(text) as { items: { id: number; p: number }[] };
  expect(found).toEqual([
    { name: "items", ids: items.map(({ id }) => String(id)), items: items.map(({ p }) => ({ price: p })) },
  ]);
  expect(JSON.parse(after).items).toEqual(items.toReversed());
});

describe("what stays as it is", () => {
  test.each([
    ['{"items":{}}', "no-match"],
    ['{"items":[]}', "no-match"],
    ["{}", "no-match"],
    ['"text"', "no-match"],
    ["", "no-match"],
    ['{"items":[{"id":1},{"id":2}', "parser"],
    ['{"items":[{"id":1},{"id":2}]', "parser"],
    ['{"items":[{"id":1},{"id":2}],', "no-match"],
    ['{"items":[{"id":1},{"id":tru}]}', "parser"],
    ['{"items', "parser"],
    [`{"items":[${'{"id":1},'.repeat(1000)}{"id":2}]}`, "too-long"],
  ])("%.60s", async (text, why) => {
    expect(await ordered(text, [ITEMS])).toMatchObject({ text, why, found: [] });
  });

  test("bytes that are no UTF-8", async () => {
    const bytes = Uint8Array.from('{"items":[{"id":"\xff"},{"id":2}]}', (letter) => letter.charCodeAt(0));
    expect(await ordered(bytes, [ITEMS])).toMatchObject({ why: "parser", found: [] });
  });

  test("a list within another one", async () => {
    const inner: JsonListSetting = { name: "inner", list: "/items/0/more", id: "" };
    const result = await ordered('{"items":[{"id":1,"more":["a","b"]},{"id":2}]}', [ITEMS, inner]);
    expect(result).toMatchObject({ text: '{"items":[{"id":2},{"id":1,"more":["a","b"]}]}', why: "no-match" });
  });
});

test("documents of any shape: the lists are permuted, and the length stays", async () => {
  const lists: JsonListSetting[] = [ITEMS, { name: "more", list: "/o/more", id: "/id" }];
  for (let seed = 0; seed < 200; seed++) {
    const random = seeded(seed);
    const space = (): string => pick(random, ["", "", " ", "\n  ", "\t\r\n"]);
    const value = (depth: number): string => {
      if (depth === 0 || random() < 0.5)
        return pick(random, ["1.0", "-2e-7", "null", '"]"', '"\\\\"', '"\\"{"', '"é"', "true"]);
      const inner = Array.from({ length: integer(random, 0, 3) }, () => value(depth - 1));
      if (random() < 0.5) return `[${space()}${inner.join(`${space()},${space()}`)}]`;
      return `{${inner.map((one, i) => `${space()}"${pick(random, ["a", "items", "]"])}${i}":${space()}${one}`).join(",")}${space()}}`;
    };
    const listOf = (name: string): { texts: string[]; write: (texts: string[]) => string } => {
      const texts = Array.from(
        { length: integer(random, 1, 8) },
        (_, i) => `{"x":${value(2)},${space()}"id":"${name}${i}"}`,
      );
      const gaps = texts.map(() => `${space()},${space()}`);
      const [before, after] = [space(), space()];
      return {
        texts,
        write: (of) => `[${before}${of.map((one, i) => (i > 0 ? gaps[i] : "") + one).join("")}${after}]`,
      };
    };
    const [items, more] = [listOf("i"), listOf("m")];
    const parts = [space(), value(2), space(), value(2)];
    const write = (a: string[], b: string[]): string =>
      `${parts[0]}{"first":${parts[1]},"o":{"more":${more.write(b)}}${parts[2]},"items":${items.write(a)},"last":${parts[3]}}`;
    const shown = new Map<number, number[]>();
    const orderOf = (n: number): number[] => {
      const order = shown.get(n) ?? shuffled(random, [...Array(n).keys()]);
      shown.set(n, order);
      return order;
    };
    const { text, why } = await ordered(write(items.texts, more.texts), lists, orderOf);
    const moved = ({ texts }: { texts: string[] }): string[] => orderOf(texts.length).map((i) => texts[i]);
    expect(why).toBeNull();
    expect(text, `seed ${seed}`).toBe(write(moved(items), moved(more)));
  }
});
