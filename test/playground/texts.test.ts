import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { workerUrl } from "../../playground/api.ts";
import { catalogueColumn, columnsOf, sideOf, unseenColumns, valueIn } from "../../playground/columns.ts";
import { signedText } from "../../playground/numbers.ts";
import { readValue, textOf } from "../../playground/raw-text.ts";
import { snippet } from "../../playground/snippets.ts";
import { timingText } from "../../playground/timing.ts";

describe("a value as text", () => {
  test.each([
    ["", "text", undefined],
    ["  ", "list", undefined],
    ["12.5", "number", 12.5],
    ["1e400", "number", "1e400"],
    ["ten", "number", "ten"],
    ["12", "text", "12"],
    ["a, b,", "list", ["a", "b"]],
    ["a|b", "list", "a|b"],
    ['["a, b"]', "list", ["a, b"]],
    ["[a", "list", "[a"],
  ] as const)("%j of a %s is %j", (text, kind, value) => {
    expect(readValue(text, kind)).toEqual(value);
  });

  test.each([[["a", "b"]], [["a"]], [["a, b", "c"]], [[" a", "b"]], [["", "a"]], [[1, 2]], [[]], [["[a", "b"]]])(
    "the list %j is what its text says",
    (list) => {
      expect(readValue(textOf(list), "list")).toEqual(list);
    },
  );

  test("a missing value has no text", () => {
    expect([undefined, null, "", 0, true].map(textOf)).toEqual(["", "", "", "0", "true"]);
  });
});

test("a column is shown once, with the fields that it is for, and a cross never", () => {
  const side = "context" as const;
  const time = { prepare: [{ time: "hour" }], from: "ts", type: "categorical", side };
  const columns = columnsOf({
    ...{ model: "m", version: "0".repeat(64), example: { ts: "2024-12-31T23:59:00Z", tags: ["one"], n: 1 } },
    fields: [
      { ...time, name: "hour" },
      { ...time, name: "day" },
      { name: "n", type: "numeric", side: "context" },
      { name: "tags", type: "multi-categorical", side: "item" },
      { name: "n_x_tags", type: "categorical", side: "item", cross: ["n", "tags"] },
    ],
  });
  expect(columns.map(({ name, kind }) => [name, kind])).toEqual([
    ["ts", "text"],
    ["n", "number"],
    ["tags", "list"],
  ]);
  expect(columns[0].hint).toBe("time, as 2024-12-31T23:59:00Z, for hour, day");
  expect(sideOf({ ts: "a", tags: ["b"] }, columns, "item")).toEqual({ tags: ["b"] });
});

test("a field that is called as what every object has is one as any other", () => {
  const names = ["constructor", "toString", "__proto__", "n"];
  const fields = names.map((name) => ({ name, type: "categorical", side: "context" as const }));
  expect(unseenColumns(fields, JSON.parse('{"n":1}'))).toEqual(["n"]);
  expect(unseenColumns(fields, JSON.parse('{"__proto__":2,"constructor":1}'))).toEqual(["constructor", "__proto__"]);
  expect(names.map((name) => valueIn(JSON.parse('{"n":"a"}'), name))).toEqual([undefined, undefined, undefined, "a"]);
  expect(valueIn(JSON.parse('{"__proto__":"a"}'), "__proto__")).toBe("a");
});

test("the column of a catalogue's ids is that of its field", () => {
  const model = {
    ...{ model: "m", version: "0".repeat(64), example: { sku: "s" } },
    fields: [{ name: "item", from: "sku", type: "categorical", side: "item" as const }],
  };
  const columns = columnsOf(model);
  expect(catalogueColumn({ ...model, items: { field: "item" } }, columns)?.name).toBe("sku");
  expect(catalogueColumn({ ...model, items: null }, columns)).toBeNull();
  expect(catalogueColumn(model, columns)).toBeNull();
});

test("the Worker is where the page is", () => {
  const origin = "https://edge.test";
  for (const [pathname, url] of [
    ["/", origin],
    ["/ctr", `${origin}/ctr`],
    ["/ctr/", `${origin}/ctr`],
  ])
    expect(workerUrl({ origin, pathname })).toBe(url);
});

test("a snippet has a token's variable where a token is needed, and quotes what a shell would read", () => {
  const request = { url: "https://edge.test", path: "/v1/score", body: { a: "it's" }, token: false };
  expect(snippet("curl", request)).toContain(`"it'\\''s"`);
  for (const language of ["curl", "typescript", "python"] as const) {
    expect(snippet(language, request)).not.toContain("DEEPFM_EDGE_TOKEN");
    expect(snippet(language, { ...request, token: true })).toContain("DEEPFM_EDGE_TOKEN");
  }
});

test("a snippet has a body's keys, whatever they are called", async () => {
  const body = JSON.parse('{"records":[{"__proto__":"a","a\\"__proto__":"b","constructor":"\\"__proto__\\":"}]}');
  const code = snippet("typescript", { url: "https://edge.test", path: "/v1/score", body, token: false });
  const literal = /\$post\((.*?)\);/s.exec(code)?.[1];
  expect(JSON.stringify(runInNewContext(`(${literal})`))).toBe(JSON.stringify({ json: body }));
});

test("numbers and times are in words", () => {
  expect([0.5, -0.25, 0].map(signedText)).toEqual(["+0.5000", "−0.2500", "+0.0000"]);
  const header = 'kv;desc="3", encode;dur=0.21, rows;dur=11.40, kernel;dur=0.35';
  expect(timingText(header, 12.4)).toBe(
    "12 ms there and back · encode 0.21 ms · rows 11.40 ms · kernel 0.35 ms · 3 keys of KV",
  );
  expect(timingText("", 3)).toBe("3.0 ms there and back");
});
