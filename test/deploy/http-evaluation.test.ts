import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "vitest";
import { evaluateOverHttp, type HttpEvaluation } from "../../deploy/http-evaluation.ts";
import { FormatError } from "../../format/errors.ts";
import { FittedSpecSchema } from "../../format/fitted-spec.ts";
import { parseWith } from "../../format/parse.ts";
import { ClickLog } from "../../trainer/data/click-log.ts";
import { UserError } from "../../trainer/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-http-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "log.csv");
// Two requests: one of 500 records, one of 100.
const rows = Array.from({ length: 600 }, (_, i) => `${Number(i % 3 === 0)},u${i % 3}`);
writeFileSync(path, `label,user\n${rows.join("\n")}\n`);
const user = { name: "user", type: "categorical", encoding: { kind: "vocabulary" }, side: "context", kv: false };
const fitted = parseWith(FittedSpecSchema, { name: "tiny", label: "label", fields: [user] }, "fitted");

interface ScoreRequest {
  records: { user: string }[];
}

/** Evaluates a server that answers as `answer` says. */
async function evaluate(
  answer: (response: ServerResponse, request: ScoreRequest, authorization?: string) => void,
  token?: string,
): Promise<HttpEvaluation> {
  const server = createServer(async (request, response) => {
    answer(response, JSON.parse(await text(request)), request.headers.authorization);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  await using log = await ClickLog.open(path);
  try {
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return await evaluateOverHttp({ url, ...(token && { token }) }, log, fitted);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe("evaluateOverHttp", () => {
  it("compares the answers with the labels, and counts what they cost", async () => {
    const result = await evaluate((response, { records }) => {
      response.setHeader("server-timing", 'rows;dur=1, kv;desc="3"');
      const scores = records.map(({ user }) => (user === "u0" ? 0.75 : 0.25));
      response.end(JSON.stringify({ scores, degraded: { rows: 2 } }));
    });
    expect(result).toMatchObject({ auc: 1, records: 600, requests: 2, kvKeysPerRequest: 3, rowsMissing: 4 });
    expect(result.logloss).toBeCloseTo(-Math.log(0.75), 12);
    expect(result.recordsPerSecond).toBeGreaterThan(0);
  });

  const scoresOf = ({ records }: ScoreRequest): number[] => records.map(() => 0.5);

  it("sends its token, and says how to give one where it lacks", async () => {
    const needsToken = (response: ServerResponse, request: ScoreRequest, authorization?: string) =>
      authorization === "Bearer dfe_abc"
        ? response.end(JSON.stringify({ scores: scoresOf(request) }))
        : response.writeHead(401).end("no token");
    expect(await evaluate(needsToken, "dfe_abc")).toMatchObject({ records: 600 });
    const refused = evaluate(needsToken, "dfe_wrong");
    await expect(refused).rejects.toThrow(/got 401 no token, expected 200; --token gives a token$/);
    await expect(refused).rejects.not.toThrow("dfe_wrong");
    await expect(evaluate(needsToken, "dfe_a\nbc")).rejects.toThrow(
      "the token: got 8 characters, not all of them printable ASCII without spaces",
    );
  });

  it("sends records again while a request's budget of keys leaves rows out, and as long as that helps", async () => {
    const left = new Map<number, number[]>([
      [500, [70, 6, 0]],
      [100, [5, 5]],
    ]);
    const result = await evaluate((response, request) => {
      response.setHeader("server-timing", 'kv;desc="32"');
      const rows = left.get(request.records.length)?.shift() ?? 0;
      response.end(
        JSON.stringify({ scores: scoresOf(request), ...(rows > 0 && { degraded: { rows, reason: "limit" } }) }),
      );
    });
    expect(result).toMatchObject({ requests: 5, kvKeysPerRequest: 32, rowsMissing: 5 });
  });

  it("waits where it sends more than a server's rate limit allows", async () => {
    let refusals = 3;
    const result = await evaluate((response, request) => {
      if (refusals-- > 0) response.writeHead(429, { "retry-after": "0" }).end();
      else response.end(JSON.stringify({ scores: scoresOf(request) }));
    });
    expect(result).toMatchObject({ records: 600, requests: 2 });
    await expect(evaluate((response) => response.writeHead(429, { "retry-after": "0" }).end("slow"))).rejects.toThrow(
      /got 429 slow, expected 200$/,
    );
  });

  it("refuses another status as the user's to mend, with the answer", async () => {
    const refused = evaluate((response) => response.writeHead(503).end("no model yet"));
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(/^POST http:.*\/v1\/score: got 503 no model yet, expected 200$/);
  });

  it("refuses an answer that breaks the API's contract", async () => {
    const short = evaluate((response) => response.end('{"scores": [0.5]}'));
    await expect(short).rejects.toThrow(FormatError);
    await expect(short).rejects.toThrow(/\/v1\/score: got 1 scores, expected (500|100)$/);
    await expect(evaluate((response) => response.end("<html>"))).rejects.toThrow(/\/v1\/score: not JSON/);
    await expect(evaluate((response) => response.end("{}"))).rejects.toThrow(/\/v1\/score: scores: missing/);
  });

  it("says where no server answers", async () => {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    await once(server.close(), "close");
    await using log = await ClickLog.open(path);
    const nowhere = evaluateOverHttp({ url: new URL(`http://127.0.0.1:${port}`) }, log, fitted);
    await expect(nowhere).rejects.toThrow(UserError);
    await expect(nowhere).rejects.toThrow(`POST http://127.0.0.1:${port}/v1/score: connect ECONNREFUSED`);
  });
});
