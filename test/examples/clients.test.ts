// The clients of examples/ against the Worker in workerd: what they order is what the model's scores say.
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Miniflare, Response as WorkerResponse } from "miniflare";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type LocalServer, startDevServer } from "../../deploy/dev-server.ts";
import { publish } from "../../deploy/publish.ts";
import { WRANGLER_CONFIG } from "../../deploy/wrangler.ts";
import { generateToken, writeTokenEntry } from "../../format/tokens.ts";
import { goldenExport } from "../deploy/golden-export.ts";
import { findChromium, openPage } from "../package/browser.ts";

const CLIENTS = fileURLToPath(new URL("../../examples/clients/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-clients-"));
const token = generateToken();
let server: LocalServer;

const offers = [
  { name: "Scarf", price: 8 },
  { name: "Coat", price: 30 },
  { name: "Hat", price: 12.5 },
];
const site = "a";
let scores: number[];
let inOrder: string[];

beforeAll(async () => {
  const persistTo = join(folder, "kv");
  await publish(await goldenExport("tiny"), { remote: false, persistTo });
  const text = (value: string) => ({ type: "plain_text", value }) as const;
  const bindings = {
    ...{ TOKENS: text(await writeTokenEntry("client", "score", token)), ALLOWED_ORIGINS: text("*") },
    ROW_DEADLINE_MS: text("30000"), // however slow the machine is
  };
  server = await startDevServer(WRANGLER_CONFIG, { persistTo, bindings });
  // A model that takes long to load has the client come again.
  const response = await vi.waitFor(
    async () => {
      const answer = await fetch(new URL("/v1/score", server.url), {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ records: offers.map(({ price }) => ({ site, price })) }),
      });
      expect(answer.status).toBe(200);
      return answer;
    },
    { timeout: 120_000, interval: 100 },
  );
  ({ scores } = (await response.json()) as { scores: number[] });
  inOrder = offers
    .map(({ name }, i) => ({ name, score: scores[i] }))
    .sort((a, b) => b.score - a.score)
    .map(({ name }) => name);
  expect(inOrder).not.toEqual(offers.map(({ name }) => name)); // so that an order that stays is seen
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const python = ((): boolean => {
  try {
    execFileSync("python3", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!python)("score.py", () => {
  const run = (
    lines: readonly (object | string)[],
    env = {},
    url = server.url.href,
  ): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const args = [join(CLIENTS, "score.py"), url];
      const child = execFile("python3", args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), stdout, stderr });
      });
      const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
      child.stdin?.end(texts.map((text) => `${text}\n`).join(""));
    });

  it("prints the scores of JSON lines", async () => {
    const records = offers.map(({ price }) => ({ site, price }));
    const { code, stdout, stderr } = await run(records, { DEEPFM_EDGE_TOKEN: token });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.trim().split("\n").map(Number)).toEqual(scores);
  });

  it("says what the Worker says is wrong", async () => {
    const { code, stderr } = await run([{ site, cost: 1 }], { DEEPFM_EDGE_TOKEN: token });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^records 1 to 1: 422: .*records\[0\]\.cost/);
  });

  it("says in a line what is no JSON, and that no Worker answers", async () => {
    const bad = await run(["{}", "", "{'site': 1}"]);
    expect([bad.code, bad.stdout]).toEqual([1, ""]);
    expect(bad.stderr).toMatch(/^line 3: got no JSON, expected a record \(.*\)\n$/);
    const nobody = await run(["{}"], {}, "http://127.0.0.1:9");
    expect([nobody.code, nobody.stdout]).toEqual([1, ""]);
    expect(nobody.stderr).toMatch(/^records 1 to 1: <urlopen error .*>\n$/);
  });
});

describe.skipIf(!python)("the Python of docs/serving.md", () => {
  it("ranks, as it stands there", async () => {
    const serving = readFileSync(new URL("../../docs/serving.md", import.meta.url), "utf8");
    const [, snippet] = /^```python\n(.+?)^```/ms.exec(serving) ?? [];
    const body = {
      context: { site },
      candidates: offers.map(({ price }) => ({ price })),
      ids: offers.map(({ name }) => name),
    };
    const call = "import sys\nurl, token, body = json.loads(sys.argv[1])\nprint(json.dumps(rank(url, token, **body)))";
    const argument = JSON.stringify([server.url.origin, token, body]);
    const { stdout } = await promisify(execFile)("python3", ["-c", `${snippet}\n${call}`, argument]);
    const items = JSON.parse(stdout) as { id: string; rank: number }[];
    expect(items.map(({ id, rank }) => [id, rank])).toEqual(inOrder.map((name, i) => [name, i + 1]));
  });
});

describe("worker.js", () => {
  /** What a page gets from the API of a site that has the Worker before it, for each of the site's own answers. */
  async function answersOf(
    ctr: (request: Request) => Promise<Response>,
    own: readonly (() => WorkerResponse)[],
    init: { method?: string } = {},
  ): Promise<{ status: number; headers: Headers; text: string }[]> {
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        modules: true,
        script: readFileSync(join(CLIENTS, "worker.js"), "utf8"),
        compatibilityDate: "2026-10-20",
        bindings: { CTR_TOKEN: token, RANK_MS: 30_000 },
        serviceBindings: {
          CTR: async (request) => {
            const { status, headers, body } = await ctr(request as unknown as Request);
            return new WorkerResponse(body as ConstructorParameters<typeof WorkerResponse>[0], {
              status,
              headers: Object.fromEntries(headers),
            });
          },
        },
        outboundService: ({ url }) => own[Number(new URL(url).searchParams.get("n"))](),
      }),
    );
    try {
      const answers = own.map(async (_, n) => {
        const response = await miniflare.dispatchFetch(`https://site.example/api/offers?site=${site}&n=${n}`, init);
        const { status, headers } = response;
        return { status, headers: new Headers([...headers]), text: await response.text() };
      });
      return await Promise.all(answers);
    } finally {
      await miniflare.dispose();
    }
  }

  async function list(ctr: Parameters<typeof answersOf>[0]): Promise<{ total: number; items: typeof offers }> {
    const [answer] = await answersOf(ctr, [() => WorkerResponse.json({ total: 3, items: offers })]);
    return JSON.parse(answer.text);
  }

  const down = async (): Promise<Response> => new Response("down", { status: 503 });

  it("answers the site's list in the model's order", async () => {
    const { total, items } = await list(async (request) => {
      const { pathname } = new URL(request.url);
      return fetch(new URL(pathname, server.url), {
        method: request.method,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      });
    });
    expect([total, items.map(({ name }) => name)]).toEqual([3, inOrder]);
  });

  it("keeps the site's status and headers, but for those of its bytes, and answers HEAD", async () => {
    const headers = { "content-type": "application/json; charset=utf-8", "set-cookie": "a=1", etag: '"1"' };
    const [ranked] = await answersOf(down, [() => new WorkerResponse(JSON.stringify({ items: offers }), { headers })]);
    expect(["content-type", "set-cookie", "etag"].map((name) => ranked.headers.get(name))).toEqual([
      ...["application/json; charset=utf-8", "a=1"],
      null,
    ]);
    const [head] = await answersOf(down, [() => new WorkerResponse(null, { headers })], { method: "HEAD" });
    expect([head.status, head.text, head.headers.get("etag")]).toEqual([200, "", '"1"']);
  });

  it("answers the site's own order where the model cannot say", async () => {
    const { items } = await list(down);
    expect(items).toEqual(offers);
  });

  it("answers what has no list as the site does", async () => {
    const texts = ["null", "[1,2]", "{ }", '{"items":{"a":1}}', "not JSON", '{"id":9007199254740993}'];
    const headers = { "content-type": "application/json", "cache-control": "no-store" };
    const own = texts.map((text) => () => new WorkerResponse(text, { headers }));
    const answers = await answersOf(down, own);
    expect(answers.map((one) => [one.status, one.headers.get("cache-control"), one.text])).toEqual(
      texts.map((text) => [200, "no-store", text]),
    );
  });
});

describe("rerank.js", () => {
  it("asks below the path of the Worker's address", async () => {
    type Rerank = (url: string, list: object, context: object, options: object) => Promise<object | null>;
    const { rerank }: { rerank: Rerank } = await import(new URL("rerank.js", pathToFileURL(CLIENTS)).href);
    const asked: string[] = [];
    const worker = createServer((request, response) => {
      asked.push(String(request.url));
      response.end(JSON.stringify({ items: [{ id: 1 }, { id: 0 }], model: "m", version: "v" }));
    }).listen(0, "127.0.0.1");
    await once(worker, "listening");
    const { port } = worker.address() as AddressInfo;
    const children = ["a", "b"].map((name) => ({ name, dataset: { item: "{}" } }));
    const moved: object[] = [];
    const list = { children, append: (...items: object[]) => moved.push(...items) };
    for (const path of ["", "/", "/ctr", "/ctr/"]) {
      const url = `http://127.0.0.1:${port}${path}`;
      expect(await rerank(url, list, {}, { milliseconds: 30_000 })).toEqual({ model: "m", version: "v" });
    }
    worker.close();
    expect(asked).toEqual(["/v1/rank", "/v1/rank", "/ctr/v1/rank", "/ctr/v1/rank"]);
    expect(moved.slice(0, 2)).toEqual([children[1], children[0]]);
  });
});

const chromium = findChromium();
describe.skipIf(chromium === null)("rerank.html", () => {
  it("orders the list on the page", async () => {
    const page = join(folder, "page");
    mkdirSync(page);
    copyFileSync(join(CLIENTS, "rerank.js"), join(page, "rerank.js"));
    const html = readFileSync(join(CLIENTS, "rerank.html"), "utf8")
      .replace("http://localhost:8787", server.url.origin)
      .replace('{ site: "a" })', `{ site: "a" }, { token: "${token}", milliseconds: 30_000 })`)
      .replace(
        "</script>",
        `const items = [...document.querySelectorAll("#offers li")].map((item) => item.textContent.split(",")[0]);
         await fetch("/result", { method: "POST", body: JSON.stringify(items) });</script>`,
      );
    writeFileSync(join(page, "page.html"), html);
    expect(await openPage(String(chromium), page, new Uint8Array())).toEqual(inOrder);
  });
});
