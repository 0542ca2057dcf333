import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { generateToken, writeTokenEntry } from "../../../format/tokens.ts";
import { KEYS_PER_CHARGE } from "../../../worker/limits.ts";
import {
  kvKeys,
  loggedErrors,
  problemOf,
  type ScoreAnswer,
  startWorker,
  type TestWorker,
  withinOneMinute,
} from "../client.ts";
import { makeModel, publishTiny } from "../tiny-model.ts";

/** A real binding, which allows 6 calls a minute with one key (vitest.config.ts). */
const { TIGHT_RATE_LIMIT: ROW_RATE_LIMIT } = env as unknown as { TIGHT_RATE_LIMIT: RateLimit };

const model = await makeModel(1, { pageCount: 200, filtered: false });
const UNSEEN = Array.from({ length: 2000 }, (_, i) => ({ site: `unseen${i}` }));
/** Charges of a request that reads all the keys that it may. */
const CHARGES = 4;

beforeAll(() => publishTiny(env.MODELS, model));

function score(worker: TestWorker, records: unknown[], headers: Record<string, string>): Promise<Response> {
  return worker.fetch("/v1/score", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ records }),
  });
}

/** What `send` is answered once the binding refuses a client. */
function refusedTo(key: string, send: () => Promise<Response>): Promise<Response> {
  return withinOneMinute(async () => {
    while ((await ROW_RATE_LIMIT.limit({ key })).success);
    return send();
  });
}

test("a client that has read its keys is told to come back, and others are served", async () => {
  const worker = startWorker({ ROW_RATE_LIMIT });
  const mine = { "cf-connecting-ip": "2001:db8:1:2::1" };
  const other = { "cf-connecting-ip": "2001:db8:1:3::1" };
  expect(kvKeys(await score(worker, UNSEEN, mine))).toBe(32);

  // Another address of the same network is the same client.
  const refused = await refusedTo("network 2001:db8:1:2::/64", () =>
    score(worker, UNSEEN, { "cf-connecting-ip": "2001:db8:1:2:ffff::9" }),
  );
  expect(refused.headers.get("retry-after")).toBe("60");
  expect(await problemOf(refused)).toMatchObject({ status: 429, type: "urn:deepfm-edge:problem:rate-limited" });
  expect((await score(worker, UNSEEN, other)).status).toBe(200);
  // What costs nothing is not limited: rows of the blob, and pages that the isolate has.
  const free = await score(worker, [{ site: "site3" }], mine);
  expect([free.status, kvKeys(free)]).toEqual([200, 0]);
});

test("a token is one client, wherever it comes from", async () => {
  const token = generateToken();
  const TOKENS = await writeTokenEntry("shop", "score", token);
  const worker = startWorker({ AUTH: "tokens", TOKENS, ROW_RATE_LIMIT });
  for (const address of ["192.0.2.1", "192.0.2.2"]) {
    const headers = { authorization: `Bearer ${token}`, "cf-connecting-ip": address };
    expect((await refusedTo("token shop", () => score(worker, UNSEEN, headers))).status).toBe(429);
  }
});

test("keys are charged, not requests", async () => {
  const keys: string[] = [];
  const counting = {
    async limit({ key }: { key: string }) {
      keys.push(key);
      return { success: true };
    },
  };
  const worker = startWorker({ ROW_RATE_LIMIT: counting });
  await score(worker, [{ site: "site3" }], {});
  expect(keys).toEqual([]);
  await score(worker, [{ site: "site57" }], {});
  expect(keys).toEqual(["unknown"]);
  const response = await score(worker, UNSEEN, { "cf-connecting-ip": "192.0.2.1" });
  expect(kvKeys(response)).toBe(CHARGES * KEYS_PER_CHARGE);
  expect(keys.slice(1)).toEqual(Array(CHARGES).fill("network 192.0.2.1"));
});

test.each([
  ["fails", () => Promise.reject(new Error("limit is down")), "Error: limit is down"],
  ["hangs", () => new Promise<{ success: boolean }>(() => {}), "Error: got no answer within 50 ms"],
])("a rate limit that %s does not keep a request from its rows", async (_, limit, error) => {
  const errors = loggedErrors();
  const worker = startWorker({ ROW_RATE_LIMIT: { limit } });
  const response = await score(worker, [{ site: "site57" }], {});
  expect((await response.json<ScoreAnswer>()).degraded).toBeUndefined();
  expect(errors()).toEqual([{ level: "error", event: "rate_limit_failed", error }]);
});

describe("requests", () => {
  const token = generateToken();
  const send = (worker: TestWorker, path: string): Promise<Response> =>
    worker.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(path === "/v1/rank" ? { candidates: [{}] } : { records: [{}] }),
    });

  test("of a token are limited, whatever they cost, where a limit for them is bound", async () => {
    const TOKENS = await writeTokenEntry("busy", "explain", token);
    const worker = startWorker({ AUTH: "off", TOKENS, REQUEST_RATE_LIMIT: ROW_RATE_LIMIT });
    expect((await send(worker, "/v1/score")).status).toBe(200);
    for (const path of ["/v1/score", "/v1/rank", "/v1/explain"]) {
      const refused = await refusedTo("token busy", () => send(worker, path));
      expect(refused.headers.get("retry-after")).toBe("60");
      expect((await problemOf(refused)).detail).toMatch(/^got more requests than this client may send in a minute/);
    }
    expect((await score(worker, [{}], {})).status, "another client").toBe(200);
    expect((await worker.fetch("/v1/models")).status, "what does not score").toBe(200);
  });

  test("are answered where the limit fails", async () => {
    const errors = loggedErrors();
    const limit = (): Promise<never> => Promise.reject(new Error("limit is down"));
    expect((await score(startWorker({ REQUEST_RATE_LIMIT: { limit } }), [{}], {})).status).toBe(200);
    expect(errors()).toEqual([expect.objectContaining({ event: "rate_limit_failed" })]);
  });
});
