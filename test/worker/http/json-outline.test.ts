import { expect, test } from "vitest";
import { jsonProblem } from "../../../format/json-problem.ts";
import { seeded } from "../../../testing/format/random.ts";
import { BodyError } from "../../../worker/http/errors.ts";
import { JsonList } from "../../../worker/http/json-list.ts";
import { outlineJson } from "../../../worker/http/json-outline.ts";
import { JsonValue } from "../../../worker/http/json-value.ts";
import { JSON_PART_BYTES } from "../../../worker/limits.ts";

/** The body as the Worker reads it, with its list parsed part by part. */
function outlined(text: string): unknown {
  const body = outlineJson(new TextEncoder().encode(text), ["list"]).parse();
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const { list } = body as { list?: unknown };
  return list instanceof JsonList ? { ...body, list: [...list] } : { ...body };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return "not JSON";
  }
}

function outlinedOrNot(text: string): unknown {
  try {
    return outlined(text);
  } catch (error) {
    if (error instanceof BodyError) return "not JSON";
    throw error;
  }
}

const LONG = "x".repeat(JSON_PART_BYTES);

test.each([
  "{}",
  " {\n} ",
  '{"list":[]}',
  '{"list": [ ] , "other" : 1}',
  '{"list":[1,"a,]}",[2,{"b":[]}],{"c":"\\"]"},null]}',
  '{"l\\u0069st":[1]}',
  '{"list":"[1,2]"}',
  '{"list":{"list":[1]}}',
  `{"list":["${LONG}","${LONG}",1]}`,
  `{"list":["${LONG}",2,"${LONG}"],"other":[1,2]}`,
  '{"list":["\\\\","\\\\\\""]}',
  '{"list":["\u2028","中"]}',
  '{"name":"" , "n\u00e4me":"ads@1","n\\u0062me":"\\u0061","中":"中"}',
  `{"name":"${"n".repeat(61)}","${"n".repeat(62)}":"${"n".repeat(62)}","${"n".repeat(63)}":"${"n".repeat(63)}"}`,
  '{"name":"\x7f"}',
  '{"name":"a\tb"}',
  '{"name":"a"b"}',
  '{"name":"}',
  '{"na\tme":1}',
  "",
  " ",
  "{",
  "}",
  '{"list"',
  '{"list":',
  '{"list":}',
  '{"list":[',
  '{"list":[1',
  '{"list":[1,',
  '{"list":[1,]}',
  '{"list":[,1]}',
  '{"list":[,]}',
  '{"list":[1 2]}',
  '{"list":[1]]}',
  '{"list":[1}}',
  '{"list":[{]}]}',
  '{"list":[{"a":1]]}',
  '{"list":[1]]',
  '{"list":[1],}',
  '{,"list":[1]}',
  '{"list" [1]}',
  "{list:[1]}",
  "{'list':[1]}",
  '{"list":[1]}{}',
  '{"list":[1]} x',
  '{"list":["a]}',
  '{"list":["a\\"]}',
  '{"list":[01]}',
  '{"list":[NaN]}',
  '{"list":["\n"]}',
  `{"list":["${LONG}",]}`,
  `{"list":["${LONG}","${LONG}",]}`,
  `{"list":["${LONG}",,"${LONG}"]}`,
  "[]",
  "null",
  "1",
  '"list"',
  "nul",
])("means what JSON.parse makes of it: %#", (text) => {
  expect(outlinedOrNot(text)).toEqual(parsed(text));
});

test("means what JSON.parse makes of any body with a few characters changed", () => {
  const random = seeded(7);
  const whole = '{"list":[{"a":"x","b":[1,2]},{"a":"\\"]"},3,[],"é"],"other":{"c":[true,null]},"name":"ads@1 a"}';
  const alphabet = '{}[],:"\\ 1a\t';
  let good = 0;
  for (let i = 0; i < 20_000; i++) {
    const characters = [...whole];
    for (let edits = Math.floor(3 * random()); edits >= 0; edits--) {
      const at = Math.floor(random() * characters.length);
      const to = alphabet[Math.floor(random() * alphabet.length)] as string;
      if (random() < 0.5) characters[at] = to;
      else characters.splice(at, random() < 0.5 ? 1 : 0, ...(random() < 0.5 ? [to] : []));
    }
    const text = characters.join("");
    const expected = parsed(text);
    if (expected !== "not JSON") good++;
    expect(outlinedOrNot(text), text).toEqual(expected);
  }
  expect(good).toBeGreaterThan(1000);
});

test("members that come later are parsed when they are asked for, once", () => {
  const read = (text: string): Record<string, unknown> =>
    outlineJson(new TextEncoder().encode(text), ["list"], ["a", "list"]).parse() as Record<string, unknown>;
  const { a, b, list } = read('{"a": {"x":[1]} ,"b":{},"list":7}');
  expect(b).toEqual({});
  expect(a).toBeInstanceOf(JsonValue);
  expect((a as JsonValue).value).toEqual({ x: [1] });
  expect((a as JsonValue).value).toBe((a as JsonValue).value);
  expect((list as JsonValue).value).toBe(7);
  const { a: broken } = read('{"a":{"x":}}');
  expect(() => (broken as JsonValue).value).toThrow(BodyError);
  expect(() => read('{"a":,"list":7}')).toThrow(BodyError);
});

test("a list that was let go of cannot be iterated any more", () => {
  const outline = outlineJson(new TextEncoder().encode('{"list":[1,2]}'), ["list"]);
  const { list } = outline.parse() as { list: JsonList };
  expect([...list]).toEqual([1, 2]);
  expect([...list]).toEqual([1, 2]);
  list.forget();
  expect(() => [...list]).toThrow(BodyError);
});

test("elements are handed over as JSON while they are taken, and the rest of a part as values", () => {
  const element = (i: number): string => (i % 7 === 6 ? `["${i}"]` : `{"a":"${"x".repeat(100)}${i}"}`);
  const text = `{"list":[ ${Array.from({ length: 1000 }, (_, i) => element(i)).join(" , ")} ]}`;
  const list = (body: string): JsonList =>
    (outlineJson(new TextEncoder().encode(body), ["list"]).parse() as { list: JsonList }).list;
  const read = (from: JsonList): { all: unknown[]; asJson: number } => {
    const all: unknown[] = [];
    let asJson = 0;
    from.readEach({
      get taken() {
        return all.length;
      },
      fromJson(bytes, at) {
        const end = bytes.indexOf(0x7d, at) + 1;
        if (bytes[at] !== 0x7b) return -1;
        all.push(JSON.parse(new TextDecoder().decode(bytes.subarray(at, end))));
        asJson++;
        return end;
      },
      fromValue: (value) => all.push(value),
    });
    return { all, asJson };
  };
  const { all, asJson } = read(list(text));
  expect(all).toEqual(JSON.parse(text).list);
  expect(asJson).toBeGreaterThan(6);
  expect(asJson).toBeLessThan(1000);
  for (const body of ['{"list":[{},]}', '{"list":[{} {}]}', '{"list":[{},nul]}', `{"list":[{"a":"${LONG}"},]}`])
    expect(() => read(list(body)), body).toThrow(BodyError);
  expect(read(list('{"list":[ ]}'))).toEqual({ all: [], asJson: 0 });
});

test.each([
  '{"list":[1,\n{"é😀":nul}]}',
  `{"a":\n["😀"],"list":["${LONG}",\n"${LONG}",\n"é${LONG}",1,NaN]}`,
  `{"list":["${LONG}","${LONG}",{"a":"é","b" 1}]}`,
  '{"other":\n {"a":tru}}',
  '\ufeff{"other":01}',
  '{"é":1,\n "b\tc":2}',
  '{"list":["a\nb"]}',
  '{"a":}',
  '{"é":1,\n"a": ,"list":[1]}',
  '{"list":[1]}\n😀',
  '{"list":[1],\ufeff"a":1}',
  '{"list":[1]\n}{}',
  '{"a" 1}',
  '\ufeff{"é":1,\n b:2}',
])("what is no JSON has its place in the body: %.40s", (text) => {
  const problem = jsonProblem(text.replace(/^\ufeff/, ""));
  expect(problem).not.toBeNull();
  expect(() => outlined(text)).toThrow(`the body is not JSON: ${problem}`);
});
