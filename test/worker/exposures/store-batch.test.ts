import { createExecutionContext, createMessageBatch, getQueueResult, type QueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { parseEvent, writeEvent } from "../../../format/event.ts";
import { parseExposure, writeExposure } from "../../../format/exposure.ts";
import { exampleEvent, exampleExposure } from "../../../testing/exposures/example-lines.ts";
import { MAX_LINE_BYTES, QUEUE_MESSAGE_BYTES } from "../../../worker/exposures/limits.ts";
import type { LineKind } from "../../../worker/exposures/line-sink.ts";
import { writeMessage } from "../../../worker/exposures/queue-message.ts";
import { type QueueProducer, queueSink } from "../../../worker/exposures/queue-sink.ts";
import { type ObjectWriter, storeBatch } from "../../../worker/exposures/store-batch.ts";
import { loggedErrors, PATIENCE } from "../client.ts";

const { EXPOSURES, EXPOSURE_LOGS } = env as unknown as { EXPOSURES: QueueProducer; EXPOSURE_LOGS: R2Bucket };
const encoder = new TextEncoder();
const SENT = Date.parse("2026-03-04T05:59:59.999Z");

/** The lines of a kind that the bucket has, and the names of the objects. */
async function stored(kind: LineKind): Promise<{ keys: string[]; lines: string[] }> {
  const { objects } = await EXPOSURE_LOGS.list({ prefix: `${kind}/` });
  const keys = objects.map(({ key }) => key);
  const texts = await Promise.all(
    keys.map(async (key) => {
      const object = await EXPOSURE_LOGS.get(key);
      return object ? new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text() : "";
    }),
  );
  return { keys, lines: texts.flatMap((text) => text.trimEnd().split("\n")) };
}

test("lines go through the queue into R2 as they were written, each kind into objects of its own", async () => {
  const exposures = Array.from({ length: 40 }, (_, i) => exampleExposure(60, { b: i, cand: idsOf(60, "вещь-") }));
  const events = [exampleEvent(), exampleEvent({ type: "revenue", value: 0.1, key: '"7"\n' })];
  const sink = queueSink(EXPOSURES);
  await Promise.all([
    sink.send(
      "exposures",
      exposures.map((line) => encoder.encode(writeExposure(line))),
    ),
    sink.send(
      "events",
      events.map((line) => encoder.encode(writeEvent(line))),
    ),
  ]);
  await vi.waitFor(async () => {
    expect((await stored("exposures")).lines.length).toBe(exposures.length);
    expect((await stored("events")).lines.length).toBe(events.length);
  }, PATIENCE);
  const { keys, lines } = await stored("exposures");
  expect(lines.map((line) => parseExposure(line)).sort((a, b) => a.b - b.b)).toEqual(exposures);
  expect((await stored("events")).lines.map((line) => parseEvent(line))).toEqual(events);
  for (const key of keys) expect(key).toMatch(/^exposures\/\d{4}-\d\d-\d\d\/\d\d\/[0-9a-f]{32}\.ndjson\.gz$/);
});

function idsOf(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, i) => prefix + i);
}

test("lines share messages of one billed operation, and the longest has its own", async () => {
  const sizes: number[] = [];
  const recorded: QueueProducer = {
    send: async (body) => void sizes.push(body.length),
    sendBatch: async (messages) => {
      for (const { body } of messages) sizes.push(body.length);
    },
  };
  const lines = [20_000, 20_000, 20_000, 20_000, MAX_LINE_BYTES, 10].map((size) => new Uint8Array(size));
  await queueSink(recorded).send("exposures", lines);
  const header = "exposures\n".length;
  expect(sizes).toEqual([header + 3 * 20_001, header + 20_001, header + MAX_LINE_BYTES + 1, header + 11]);
  expect(sizes[0]).toBeLessThanOrEqual(QUEUE_MESSAGE_BYTES);
  await queueSink(recorded).send("events", [new Uint8Array(7)]);
  expect(sizes.slice(4)).toEqual(["events\n".length + 8]);
});

const line = encoder.encode(writeExposure(exampleExposure(3)));
const ours = writeMessage("exposures", [line, line]);

async function deliver(bodies: readonly unknown[], bucket: ObjectWriter | null): Promise<QueueResult> {
  const messages = bodies.map((body, i) => ({ id: `m${i}`, timestamp: new Date(SENT + i), attempts: 1, body }));
  const batch = createMessageBatch("exposures", messages);
  await storeBatch(batch, bucket);
  return getQueueResult(batch, createExecutionContext());
}

test("a batch that is delivered twice is one object, in the hour in which it was sent", async () => {
  const before = (await EXPOSURE_LOGS.list({ prefix: "exposures/2026-03-04/05/" })).objects.length;
  expect(before).toBe(0);
  for (let i = 0; i < 2; i++)
    expect(await deliver([ours, ours], EXPOSURE_LOGS)).toMatchObject({ explicitAcks: ["m0", "m1"], retryMessages: [] });
  const { objects } = await EXPOSURE_LOGS.list({ prefix: "exposures/2026-03-04/05/" });
  expect(objects.length).toBe(1);
});

test("what R2 refuses is delivered again, later each time", async () => {
  const errors = loggedErrors();
  const full: ObjectWriter = { put: () => Promise.reject(new Error("R2 is down")) };
  const said: unknown[] = [];
  for (const attempts of [1, 2, 3, 4, 9]) {
    const retry = (options: unknown): void => void said.push(options);
    const message = { id: "m", timestamp: new Date(SENT), attempts, body: ours, ack: () => said.push("ack"), retry };
    await storeBatch({ messages: [message] }, full);
  }
  expect(said).toEqual([5, 15, 60, 300, 300].map((delaySeconds) => ({ delaySeconds })));
  expect(errors()[0]).toMatchObject({ event: "lines_not_stored", error: "Error: R2 is down", messages: 1 });
  expect(await deliver([ours], null)).toMatchObject({ explicitAcks: [], retryMessages: [{ msgId: "m0" }] });
  expect(errors().at(-1)?.error).toBe("Error: EXPOSURE_LOGS: got no binding, expected an R2 bucket");
});

test.each([
  ["text", "exposures\n{}\n"],
  ["an object", { v: 1 }],
  ["nothing", null],
  ["another kind", encoder.encode("clicks\n{}\n")],
  ["a message that is cut", ours.subarray(0, ours.length - 5)],
  ["no bytes", new Uint8Array()],
])("a message that is none of ours goes to the dead letters, and keeps no other: %s", async (_, body) => {
  loggedErrors();
  const result = await deliver([ours, body], EXPOSURE_LOGS);
  expect(result.explicitAcks).toEqual(["m0"]);
  expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(["m1"]);
});
