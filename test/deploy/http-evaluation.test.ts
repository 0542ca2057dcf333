import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { evaluateOverHttp, type HttpEvaluation } from "../../deploy/http-evaluation.ts";
import { FormatError } from "../../format/errors.ts";
import { FittedSpecSchema } from "../../format/fitted-spec.ts";
import { parseWith } from "../../format/parse.ts";
import { generateToken } from "../../format/tokens.ts";
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
  model?: string;
  records: { user: string }[];
}

type Answer = (response: ServerResponse, request: ScoreRequest, headers: IncomingHttpHeaders, path: string) => void;

interface Options {
  token?: string;
  model?: string;
  loss?: "in-batch";
  log?: Parameters<typeof ClickLog.open>;
  deadline?: number;
  firstWait?: number;
}

/** Evaluates a server that answers as `answer` says. */
async function evaluate(
  answer: Answer,
  { token, model, log: opened = [path], ...patience }: Options = {},
  base = "",
): Promise<HttpEvaluation> {
  const server = createServer(async (request, response) => {
    answer(response, JSON.parse(await text(request)), request.headers, String(request.url));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  await using log = await ClickLog.open(...opened);
  try {
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`);
    return await evaluateOverHttp({ url, ...(token && { token }), ...(model && { model }) }, log, fitted, patience);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** A Worker's answer. */
function scored(response: ServerResponse, { records }: ScoreRequest): void {
  response.end(JSON.stringify({ scores: records.map(() => 0.5) }));
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

  it("refuses a log that has no record, or none with a weight, as there is nothing to compare", async () => {
    const empty = join(folder, "empty.csv");
    writeFileSync(empty, "label,user\n");
    await expect(evaluate(scored, { log: [empty] })).rejects.toThrow(`${empty}: got no rows, expected at least one`);
    const weightless = join(folder, "weightless.csv");
    writeFileSync(weightless, "label,user,w\n1,u0,0\n0,u1,0\n");
    const data = { types: {}, hive: false, select: {}, shuffle: 1, weight: "w" };
    await expect(evaluate(scored, { log: [weightless, { data }] })).rejects.toThrow(
      `${weightless}: column w: got 0 in all 2 records, expected some above 0`,
    );
  });

  it("counts records by their weights, and reads labels and weights as the spec says", async () => {
    const weighted = join(folder, "weighted.csv");
    writeFileSync(weighted, "label;w;user\n1,0;3,0;u0\n0,0;1,0;u0\n1;0;u1\n");
    const data = { types: {}, hive: false, select: {}, shuffle: 1, delimiter: ";", weight: "w", decimal: "," } as const;
    const answer: Answer = (response, { records }) =>
      response.end(JSON.stringify({ scores: records.map(({ user }) => (user === "u0" ? 0.75 : 0.25)) }));
    const { logloss, auc } = await evaluate(answer, { log: [weighted, { data }] });
    expect(logloss).toBeCloseTo(-(3 * Math.log(0.75) + Math.log(0.25)) / 4, 12);
    expect(auc).toBe(0.5);
    writeFileSync(weighted, "label;w;user\n1,0;-3,0;u0\n");
    await expect(evaluate(answer, { log: [weighted, { data }] })).rejects.toThrow(
      `${weighted}, line 2: column w: got "-3,0", expected a weight of 0 or more`,
    );
  });

  it("asks for the model that it is to name, and says which versions scored", async () => {
    const asked = new Set<string | undefined>();
    const answer: Answer = (response, { records, model }) => {
      asked.add(model);
      const version = records.length === 500 ? "aa" : "bb";
      response.end(JSON.stringify({ scores: records.map(() => 0.5), model: model ?? "shop", version }));
    };
    expect((await evaluate(answer, { model: "ads" })).scoredBy.toSorted()).toEqual(["ads@aa", "ads@bb"]);
    expect((await evaluate(answer)).scoredBy.toSorted()).toEqual(["shop@aa", "shop@bb"]);
    expect([...asked]).toEqual(["ads", undefined]);
    expect((await evaluate(scored)).scoredBy).toEqual([]);
  });

  it("has no AUC and no logloss for a model that learned by the in-batch loss", async () => {
    const result = await evaluate(scored, { loss: "in-batch" });
    expect(result).toMatchObject({ auc: Number.NaN, logloss: Number.NaN, records: 600, rowsMissing: 0 });
  });

  it("refuses a token that no header can hold, and does not show it", async () => {
    await expect(evaluate(scored, { token: "dfe_a\nbc" })).rejects.toThrow(
      /^the token: got 8 characters, not all of them printable ASCII without spaces$/,
    );
  });

  it("sends records again while a request's budget of keys leaves rows out, and as long as that helps", async () => {
    const left = new Map<number, number[]>([
      [500, [70, 6, 0]],
      [100, [5, 5]],
    ]);
    const result = await evaluate((response, { records }) => {
      response.setHeader("server-timing", 'kv;desc="32"');
      const rows = left.get(records.length)?.shift() ?? 0;
      const scores = records.map(() => 0.5);
      response.end(JSON.stringify({ scores, ...(rows > 0 && { degraded: { rows, reason: "limit" } }) }));
    });
    expect(result).toMatchObject({ requests: 5, kvKeysPerRequest: 32, rowsMissing: 5 });
  });

  it("refuses another status as the user's to mend, with the answer", async () => {
    const refused = evaluate((response) => response.writeHead(422).end("no model yet"));
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(/^POST http:.*\/v1\/score: got 422 no model yet, expected 200$/);
  });

  it("refuses an answer that breaks the API's contract", async () => {
    const short = evaluate((response) => response.end('{"scores": [0.5]}'));
    await expect(short).rejects.toThrow(FormatError);
    await expect(short).rejects.toThrow(/\/v1\/score: got 1 score, expected (500|100)$/);
    await expect(evaluate((response) => response.end("<html>"))).rejects.toThrow(/\/v1\/score: not JSON/);
    for (const [score, expected] of [
      ["-0.5", "-0.5, expected >=0"],
      ["1.5", "1.5, expected <=1"],
      ["1e400", "Infinity, expected <=1"],
    ]) {
      const logits = evaluate((response, { records }) =>
        response.end(`{"scores": [${records.map((_, i) => (i === 1 ? score : 0.5)).join()}]}`),
      );
      await expect(logits).rejects.toThrow(`/v1/score: scores[1]: got ${expected}`);
    }
    await expect(evaluate((response) => response.end("{}"))).rejects.toThrow(/\/v1\/score: scores: missing/);
  });

  it("says where no server answers", async () => {
    // The near end of a connection is a port that nobody else can listen at.
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const connection = connect((server.address() as AddressInfo).port, "127.0.0.1");
    onTestFinished(() => {
      connection.destroy();
      server.close();
    });
    await once(connection, "connect");
    const port = connection.localPort;
    await using log = await ClickLog.open(path);
    const nowhere = evaluateOverHttp({ url: new URL(`http://127.0.0.1:${port}`) }, log, fitted);
    await expect(nowhere).rejects.toThrow(UserError);
    await expect(nowhere).rejects.toThrow(`POST http://127.0.0.1:${port}/v1/score: connect ECONNREFUSED`);
    const byName = evaluateOverHttp({ url: new URL(`http://localhost:${port}`) }, log, fitted);
    await expect(byName).rejects.toThrow(/connect ECONNREFUSED \S+; is a server running there\?$/);
  });

  it("asks below the address's path, with the token", async () => {
    const seen = new Set<string>();
    const answer: Answer = (response, body, { authorization }, path) => {
      seen.add(`${path} ${authorization}`);
      scored(response, body);
    };
    const token = generateToken();
    await evaluate(answer, { token }, "/ctr");
    await evaluate(answer, {}, "/ctr/?a#b");
    expect([...seen]).toEqual([`/ctr/v1/score Bearer ${token}`, "/ctr/v1/score undefined"]);
  });

  it.each([
    [
      301,
      { location: "https://edge.test/v1/score" },
      "",
      "got 301 to https://edge.test/v1/score, expected 200; evaluate that address",
    ],
    [401, {}, '{"detail": "no token"}', "got 401 no token, expected 200; --token gives a token"],
    [404, {}, "<p>\n not  here</p>", "got 404 <p> not here</p>, expected 200; is this the address of the Worker?"],
    [
      422,
      { "content-type": "application/problem+json" },
      JSON.stringify({ errors: ["x".repeat(9000)], detail: "unknown field" }),
      "got 422 unknown field, expected 200; --model names another model than the Worker's default one",
    ],
    [
      404,
      { "content-type": "application/problem+json" },
      '{"detail": "no such model"}',
      /: got 404 no such model, expected 200$/,
    ],
    [429, { "retry-after": "3600" }, "", "got 429, expected 200; it may be asked again after 3600 s"],
    [
      503,
      { "retry-after": "0" },
      '{"detail": "no model"}',
      "got 503 no model, expected 200; it may be asked again after 0 s",
    ],
    [500, { "retry-after": "0" }, "x".repeat(9000), `got 500 ${"x".repeat(200)}, expected 200; it may`],
  ])("says what %i means", async (status, headers, body, says) => {
    const refused = evaluate((response) => response.writeHead(status, headers).end(body));
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(says instanceof RegExp ? says : `/v1/score: ${says}`);
  });

  it.each(["0", new Date(0).toUTCString()])("asks a busy server again after retry-after: %s", async (later) => {
    let asked = 0;
    const result = await evaluate((response, body) => {
      if (++asked % 2 === 1) response.writeHead(asked % 4 === 1 ? 429 : 503, { "retry-after": later }).end();
      else scored(response, body);
    });
    expect(result).toMatchObject({ records: 600, requests: 2 });
    expect(asked).toBe(4);
  });

  it("asks again where an answer breaks off, and says so where every one does", async () => {
    let asked = 0;
    const half = (response: ServerResponse): void => {
      response.writeHead(200, { "content-length": "1000" }).write('{"scores": [');
      setTimeout(() => response.destroy(), 5);
    };
    const result = await evaluate((response, body) => (++asked === 1 ? half(response) : scored(response, body)));
    expect(result.records).toBe(600);
    const never = evaluate(half, { firstWait: 0.01 });
    await expect(never).rejects.toThrow(UserError);
    await expect(never).rejects.toThrow(/\/v1\/score: the connection broke off: /);
  });

  it("refuses a page that is no answer of the API, and one without an end", async () => {
    const html = evaluate((response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"));
    await expect(html).rejects.toThrow(UserError);
    await expect(html).rejects.toThrow("got an answer of type text/html, expected application/json; is this");
    const endless = evaluate((response) => response.end("[".repeat(2 ** 21)));
    await expect(endless).rejects.toThrow("/v1/score: got an answer of more than 1048576 bytes");
  });

  it.each([
    ["says nothing", () => {}],
    ["stops in the middle", (response: ServerResponse) => response.write('{"scores": [')],
  ])("ends where a server %s", async (_, answer) => {
    const hanging = evaluate(answer, { deadline: 200 });
    await expect(hanging).rejects.toThrow(UserError);
    await expect(hanging).rejects.toThrow("/v1/score: got no whole answer in 0.2 s");
  });
});
