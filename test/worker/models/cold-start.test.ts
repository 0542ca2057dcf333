import { env, exports } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { expectedScores, makeModel, publishTiny } from "../tiny-model.ts";

// Goes through the Worker's own entry, where each request has a context of its own, as when deployed. It is one test
// only, because an isolate is cold once.

function score(body: string, signal: AbortSignal | null = null): Promise<Response> {
  return exports.default.fetch("https://edge.test/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    signal,
  });
}

test("many requests at once to a cold isolate load the model once, and all are answered", async () => {
  const model = await makeModel(1);
  await publishTiny(env.MODELS, model);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const records = [{ site: "site57", tags: "tag77", price: 3 }];
  const body = JSON.stringify({ records });

  // The client of the first request, whose context owns the load, gives up.
  const client = new AbortController();
  const abandoned = score(body, client.signal).catch(() => null);
  const others = Array.from({ length: 20 }, () => score(body));
  client.abort();
  await abandoned;

  const expected = { scores: await expectedScores(model, records), model: "tiny", version: model.version };
  for (const response of await Promise.all(others)) {
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(expected);
  }
  expect(log.mock.calls.filter(([line]) => String(line).includes("model_loaded"))).toHaveLength(1);
});
