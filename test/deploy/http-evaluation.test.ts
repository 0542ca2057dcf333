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
async function evaluate(answer: (response: ServerResponse, request: ScoreRequest) => void): Promise<HttpEvaluation> {
  const server = createServer(async (request, response) => {
    answer(response, JSON.parse(await text(request)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  await using log = await ClickLog.open(path);
  try {
    return await evaluateOverHttp(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), log, fitted);
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
    const nowhere = evaluateOverHttp(new URL(`http://127.0.0.1:${port}`), log, fitted);
    await expect(nowhere).rejects.toThrow(UserError);
    await expect(nowhere).rejects.toThrow(`POST http://127.0.0.1:${port}/v1/score: connect ECONNREFUSED`);
  });
});
