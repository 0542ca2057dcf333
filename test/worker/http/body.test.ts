import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { MAX_BODY_BYTES } from "../../../worker/limits.ts";
import { problemOf, startWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

const model = await makeModel(1);
const worker = startWorker();

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

function postBytes(body: BodyInit | null, contentType: string | null): Promise<Response> {
  return worker.fetch("/v1/score", {
    method: "POST",
    body,
    headers: contentType ? { "content-type": contentType } : {},
  });
}

const NOT_JSON: { what: string; body: BodyInit | null; detail: string }[] = [
  { what: "an empty body", body: null, detail: "the body is not JSON" },
  { what: "half a body", body: '{"records":[{"site":', detail: "the body is not JSON" },
  { what: "two bodies", body: '{"records":[]}{}', detail: 'got "{" at line 1, column 15, expected the end' },
  { what: "a comma after it", body: '{"records":[]} ,', detail: 'got "," at line 1, column 16, expected the end' },
  {
    what: "a list that another bracket ends",
    body: '{"records":[{}}',
    detail: 'got "}" at line 1, column 15, expected , or ]',
  },
  { what: "a name without quotes", body: "{records:[]}", detail: "the body is not JSON" },
  { what: "NaN", body: '{"records":[{"price":NaN}]}', detail: "the body is not JSON" },
  { what: "bytes that are not UTF-8", body: new Uint8Array([0x22, 0xff, 0x22]), detail: "it is not UTF-8" },
  { what: "half a character", body: new Uint8Array([0x22, 0xe2, 0x82]), detail: "it is not UTF-8" },
];

test.each(NOT_JSON)("$what is 400", async ({ body, detail }) => {
  const problem = await problemOf(await postBytes(body, "application/json"));
  expect(problem).toMatchObject({ status: 400, type: "urn:deepfm-edge:problem:not-json" });
  expect(problem.detail).toContain(detail);
});

test.each([
  '{"context":{"site":},"candidates":[{}]}',
  '{"context":{"site":},"candidates":[{}],"sort":false}',
  '{"context":{"site":},"candidates":[]}',
  '{"context":{"site":},"items":["ad0"]}',
  '{"context":,"candidates":[{}]}',
  '{"context":{"site":},"candidates":[{"colour":1}],"k":0,"other":1}',
])("a context that is not JSON is 400, whatever else is wrong: %s", async (body) => {
  const response = await worker.fetch("/v1/rank", {
    ...{ method: "POST", body },
    headers: { "content-type": "application/json" },
  });
  expect(await problemOf(response)).toMatchObject({
    ...{ status: 400, type: "urn:deepfm-edge:problem:not-json" },
    detail: expect.stringContaining("the body is not JSON"),
  });
});

test.each([null, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])(
  "content-type %s is 415",
  async (type) => {
    const response = await postBytes(new TextEncoder().encode('{"records":[]}'), type);
    expect(await problemOf(response)).toMatchObject({
      status: 415,
      detail: expect.stringContaining("expected application/json"),
    });
  },
);

test.each(["application/json", "application/json; charset=utf-8", "Application/JSON"])(
  "content-type %s is taken",
  async (type) => {
    expect((await postBytes('{"records":[]}', type)).status).toBe(200);
  },
);

test.each([
  ["an element of a list", `{"records":[{},{"site":"${"x".repeat(2 ** 18)}"}]}`, "records[1]: got 262155 bytes"],
  ["a list in a list", `{"records":[${"[".repeat(2 ** 18)}]}`, "the body is not JSON"],
  ["a member that is no list", `{"records":[],"x":${"[],".repeat(2 ** 17)}}`, "the body is not JSON"],
  ["members", `{${'"x":"","y":"",'.repeat(2 ** 15)}"records":[]}`, "got it more than once"],
  ["a member", `{"model":"${"x".repeat(2 ** 18)}","records":[]}`, "model: got 262146 bytes, expected at most 262144"],
  [
    "several members",
    `{"model":"${"x".repeat(2 ** 17)}","unseen":"${"x".repeat(2 ** 17)}","records":[]}`,
    "the body's members beside its lists: got 262165 bytes",
  ],
  ["a name", `{"${"x".repeat(2 ** 18)}":1}`, "a name in the body: got 262146 bytes"],
  ["a value in place of an object", `"${"x".repeat(2 ** 18)}"`, "a body that is no object: got 262146 bytes"],
])("%s too long to be parsed at a time is refused", async (_what, body, detail) => {
  const problem = await problemOf(await worker.score(body));
  expect(problem.detail).toContain(detail);
  expect(problem.detail.length).toBeLessThan(300);
});

test("an element as long as it may be is read", async () => {
  const longest = `{"site":"${"x".repeat(2 ** 18 - 11)}"}`;
  for (const records of [longest, `{},${longest}`, `${longest},{}`])
    expect((await worker.score(`{"records":[${records}]}`)).status).toBe(200);
});

test("a list of nothing but objects or lists is parsed by parts, to its fault", async () => {
  const objects = await problemOf(await worker.score(`{"records":[${"{},".repeat(9_999)}{"x":1}]}`));
  expect(objects).toMatchObject({ status: 422, field: "records[9999].x" });
  const lists = await problemOf(await worker.score(`{"records":[${"[],".repeat(9_999)}[]]}`));
  expect(lists).toMatchObject({ status: 422, field: "records[0]" });
  // Two dozen parts, and more elements than are taken; `npm run attack` sends as many as a body has room for.
  const many = await problemOf(await worker.score(`{"records":[${"{},".repeat(2 ** 17)}{}]}`));
  expect(many).toMatchObject({ status: 422, detail: "records: got 131073 records, expected at most 10000" });
});

test("a body that is declared too long is 413, and none of it is read", async () => {
  const pulled = { bytes: 0 };
  const response = await worker.fetch("/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", "content-length": String(50 * 2 ** 20) },
    body: endless(pulled),
  });
  expect(await problemOf(response)).toMatchObject({
    status: 413,
    detail: "got a body of 52428800 bytes, expected at most 8388608",
  });
  expect(pulled.bytes).toBeLessThanOrEqual(2 ** 20);
});

test.each(["bytes", undefined] as const)(
  "a body that turns out too long is 413 as soon as it is: type %s",
  async (type) => {
    const pulled = { bytes: 0 };
    const response = await worker.fetch("/v1/score", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: endless(pulled, type),
    });
    expect(await problemOf(response)).toMatchObject({ status: 413, type: "urn:deepfm-edge:problem:body-too-large" });
    expect(pulled.bytes).toBeLessThanOrEqual(MAX_BODY_BYTES + 2 ** 20);
  },
);

/** 50 MB in chunks of 64 KiB, counting what was taken. */
function endless(pulled: { bytes: number }, type?: "bytes"): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(2 ** 16).fill(0x20);
  return new ReadableStream({
    type: type as undefined,
    pull(controller) {
      pulled.bytes += chunk.byteLength;
      if (pulled.bytes > 50 * 2 ** 20) controller.close();
      else controller.enqueue(chunk.slice());
    },
  });
}
