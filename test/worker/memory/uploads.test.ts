import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, expect, test, vi } from "vitest";
import { RequestBody } from "../../../worker/http/body.ts";
import * as limits from "../../../worker/limits.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { OverloadedError } from "../../../worker/memory/overloaded-error.ts";
import { loggedErrors, PATIENCE, problemOf, type ScoreAnswer, startWorker, type TestWorker } from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

const model = await makeModel(1);
const MIB = 2 ** 20;
const HEADERS = { "content-type": "application/json" };

beforeAll(async () => {
  await reset();
  await publishTiny(env.MODELS, model);
});

/** A body of `declared` bytes, of which `sent` arrive and the rest when `end` is called. */
function slowBody(declared: number, sent: number): { init: RequestInit; end: (how: "close" | "break") => void } {
  let end: (how: "close" | "break") => void = () => {};
  const rest = new Promise<"close" | "break">((resolve) => {
    end = resolve;
  });
  const body = new ReadableStream({
    async start(controller) {
      const start = new TextEncoder().encode('{"records":[{}]');
      controller.enqueue(start);
      controller.enqueue(new Uint8Array(sent - start.length).fill(0x20));
      if ((await rest) === "break") return controller.error(new Error("Network connection lost."));
      const last = new Uint8Array(declared - sent).fill(0x20);
      last[last.length - 1] = 0x7d;
      controller.enqueue(last);
      controller.close();
    },
  });
  return { init: { method: "POST", headers: { ...HEADERS, "content-length": String(declared) }, body }, end };
}

async function memoryOf(worker: TestWorker): Promise<number> {
  return (await worker.memory()).taken.requests;
}

test("slow uploads beyond the memory of requests are 503 at once, small requests go on, and all memory comes back", async () => {
  const worker = startWorker();
  await worker.score({ records: [] });
  const uploads = Array.from({ length: 5 }, () => slowBody(8 * MIB - 1000, 4 * MIB));
  const answers = uploads.map(({ init }) => worker.fetch("/v1/score", init));
  const refused = await Promise.race(answers);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await problemOf(refused)).toMatchObject({ status: 503, type: "urn:deepfm-edge:problem:overloaded" });

  expect((await worker.score({ records: [{}] })).status).toBe(200);
  expect(await memoryOf(worker)).toBeGreaterThan(20 * MIB);
  expect(await memoryOf(worker)).toBeLessThanOrEqual(limits.MEMORY.requests);
  for (const { end } of uploads) end("close");
  const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
  expect(statuses).toEqual([200, 200, 200, 503, 503]);
  expect(await memoryOf(worker)).toBe(0);
  expect((await worker.memory()).peak).toBeLessThanOrEqual(limits.MEMORY.total);
});

test("a body that outlasts its lease, so that its memory is another's, is 503 and no error", async () => {
  const errors = loggedErrors();
  const worker = startWorker();
  await worker.score({ records: [] });
  const [slow, ...others] = Array.from({ length: 4 }, () => slowBody(8 * MIB - 1000, 4 * MIB));
  const answer = worker.fetch("/v1/score", slow.init);
  await vi.waitFor(async () => expect(await memoryOf(worker)).toBeGreaterThan(8 * MIB - 1000), PATIENCE);
  worker.clock.ms += limits.BODY_LEASE_MS;
  const rest = others.map(({ init }) => worker.fetch("/v1/score", init));
  await vi.waitFor(async () => expect(await memoryOf(worker)).toBeGreaterThan(24 * MIB - 3000), PATIENCE);
  slow.end("close");
  const refused = await answer;
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await problemOf(refused)).toMatchObject({ status: 503, type: "urn:deepfm-edge:problem:overloaded" });
  for (const { end } of others) end("close");
  expect((await Promise.all(rest)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(errors()).toEqual([]);
  expect(await memoryOf(worker)).toBe(0);
});

test.each([
  ["that is declared", { "content-length": "14" }],
  ["in parts", {}],
  ["that is compressed", { "content-encoding": "gzip" }],
])(
  "a body %s whose lease ends with its last byte is refused for want of memory, not for what it is",
  async (_, headers) => {
    const lease = new MemoryBudget(Date.now).lease("requests");
    const text = new TextEncoder().encode('{"records":[]}');
    const bytes = "content-encoding" in headers ? new Uint8Array(await compressed("gzip", text)) : text;
    let isSent = false;
    const body = new ReadableStream({
      async pull(controller) {
        if (!isSent) {
          isSent = true;
          return controller.enqueue(bytes);
        }
        // The bytes are read by then.
        await scheduler.wait(50);
        lease.end();
        controller.close();
      },
    });
    const request = new Request("https://edge.test", {
      method: "POST",
      headers: { ...HEADERS, ...headers },
      body,
    });
    const refuse = (): never => {
      throw new Error("the body has another form");
    };
    const late = { lists: ["records"] };
    const reading = new RequestBody(request).read(late, v.object({ records: v.any() }), lease, refuse);
    await expect(reading).rejects.toThrow(OverloadedError);
  },
);

test("a body that breaks off is 400 without a line in the log, and its memory comes back", async () => {
  const errors = loggedErrors();
  const worker = startWorker();
  const upload = slowBody(4 * MIB, 2 * MIB);
  const answer = worker.fetch("/v1/score", upload.init);
  upload.end("break");
  expect(await problemOf(await answer)).toMatchObject({
    status: 400,
    type: "urn:deepfm-edge:problem:body-incomplete",
    detail: "the body broke off",
  });
  expect(errors()).toEqual([]);
  expect(await memoryOf(worker)).toBe(0);
});

test("a body that does not arrive in time is 408, and its memory comes back", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const worker = startWorker();
    const upload = slowBody(4 * MIB, 2 * MIB);
    const answer = worker.fetch("/v1/score", upload.init);
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(limits.BODY_TIMEOUT_MS);
      expect(await memoryOf(worker)).toBe(0);
    }, PATIENCE);
    const problem = await problemOf(await answer);
    expect(problem).toMatchObject({ status: 408, type: "urn:deepfm-edge:problem:body-too-slow" });
    expect(problem.detail).toMatch(/^got at least \d+ bytes in 10 s, expected the whole body by then$/);
    upload.end("close");
  } finally {
    vi.useRealTimers();
  }
});

const ABUSES: [what: string, body: string, status: number][] = [
  ["10,000 empty records", `{"records":[${"{},".repeat(9_999)}{}]}`, 200],
  ["a cell of 200,000 separators", `{"records":[{"tags":"${"|".repeat(200_000)}"}]}`, 200],
  ["a name of 8 MiB", `{"records":[{"${"x".repeat(8 * MIB - 100)}":1}]}`, 413],
  ["a cell of 8 MiB", `{"records":[{"site":"${"x".repeat(8 * MIB - 100)}"}]}`, 413],
  ["a name of 200,000 characters", `{"records":[{"${"x".repeat(200_000)}":1}]}`, 422],
  ["a deep list", `{"records":[${"[".repeat(100_000)}${"]".repeat(100_000)}]}`, 422],
  ["4 million numbers", `{"records":[${"1,".repeat(4 * MIB - 50)}1]}`, 422],
];

test.each(ABUSES)("%s is answered shortly, and leaves nothing behind", async (_what, body, status) => {
  const worker = startWorker();
  const response = await worker.score(body);
  expect(response.status).toBe(status);
  expect((await response.text()).length).toBeLessThan(status === 200 ? 300_000 : 20_000);
  expect(await memoryOf(worker)).toBe(0);
  expect((await worker.memory()).peak).toBeLessThanOrEqual(limits.MEMORY.total);
});

test("a compressed body is taken, and one that is no more than it says", async () => {
  const worker = startWorker();
  const records = Array.from({ length: 300 }, (_, i) => ({ site: `site${i}` }));
  const plain = await (await worker.score({ records })).json<ScoreAnswer>();
  for (const encoding of ["gzip", "deflate"] as const) {
    const response = await worker.fetch("/v1/score", {
      method: "POST",
      headers: { ...HEADERS, "content-encoding": encoding },
      body: await compressed(encoding, new TextEncoder().encode(JSON.stringify({ records }))),
    });
    expect(await response.json()).toEqual(plain);
  }
  const bomb = await compressed("gzip", new Uint8Array(64 * MIB));
  const tooLarge = await worker.fetch("/v1/score", {
    method: "POST",
    headers: { ...HEADERS, "content-encoding": "gzip" },
    body: bomb,
  });
  expect(await problemOf(tooLarge)).toMatchObject({ status: 413, type: "urn:deepfm-edge:problem:body-too-large" });
  expect(await memoryOf(worker)).toBe(0);
});

test.each([
  ["gzip", "{}", 400, "the body broke off, or is not one member of gzip and nothing else"],
  ["br", "{}", 415, "got content-encoding br, expected gzip, deflate or none"],
])("a body that says %s and is not, or may not be, is refused", async (encoding, body, status, detail) => {
  const response = await startWorker().fetch("/v1/score", {
    method: "POST",
    headers: { ...HEADERS, "content-encoding": encoding },
    body,
  });
  if (status === 415) expect(response.headers.get("accept-encoding")).toBe("gzip, deflate");
  expect(await problemOf(response)).toMatchObject({ status, detail });
});

async function compressed(encoding: "gzip" | "deflate", bytes: Uint8Array): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream(encoding))).arrayBuffer();
}
