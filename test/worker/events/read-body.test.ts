import { expect, test } from "vitest";
import { MAX_EVENT_BODY_BYTES } from "../../../worker/events/limits.ts";
import { readShortJson } from "../../../worker/events/read-body.ts";
import { DECOMPRESSION_BYTES } from "../../../worker/http/decompress.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";

test.each([
  ["gzip", MAX_EVENT_BODY_BYTES + DECOMPRESSION_BYTES],
  ["deflate", MAX_EVENT_BODY_BYTES + DECOMPRESSION_BYTES],
  ["identity", MAX_EVENT_BODY_BYTES],
])("a body of the encoding %s has memory for what reading it takes", async (encoding, bytes) => {
  using lease = new MemoryBudget(Date.now).lease("requests");
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("gone")) });
  const headers = { "content-type": "text/plain", "content-encoding": encoding };
  const reading = readShortJson(new Request("https://edge.test", { method: "POST", headers, body: broken }), lease);
  expect(lease.bytes).toBe(bytes);
  await expect(reading).rejects.toThrow("the body broke off");
});
