import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { findAccountNamespace } from "../../deploy/kv/account.ts";
import { AccountKv } from "../../deploy/kv/account-kv.ts";
import { CloudflareApi } from "../../deploy/kv/cloudflare-api.ts";
import { ValuesTooLarge } from "../../deploy/kv/kv-store.ts";
import { Publication } from "../../deploy/publication.ts";
import { publish } from "../../deploy/publish.ts";
import { readDefault, readPointer } from "../../format/pointer.ts";
import { blobKey, defaultKey, pageKey, pointerKey } from "../../format/store.ts";
import { generateToken } from "../../format/tokens.ts";
import { foundTokens } from "../../testing/tokens.ts";
import { UserError } from "../../trainer/errors.ts";
import { goldenExport } from "./golden-export.ts";

// A server on loopback that speaks the part of Cloudflare's API that is used, as its documentation has it. The account
// itself cannot be reached from a test.

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-account-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.unstubAllEnvs();
  // wrangler hands the login over by what it prints, as it is asked to.
  for (const before of foundTokens()) expect(before).toMatch(/"type": "api_token",\s+"token": "dfe_…$/);
});

const NAMESPACE = "/client/v4/accounts/acme/storage/kv/namespaces/0123abcd";
/** What the API says of a KV binding of a deployed Worker. */
const BOUND = { type: "kv_namespace", name: "MODELS", namespace_id: "0123abcd" };
/** The account's. It has the form of the project's own tokens, which nothing that tests print may have. */
const TOKEN = generateToken();
const values = new Map<string, Buffer>();
let accounts = [{ id: "acme", name: "Acme" }];
/** Statuses of the next answers, before the server does anything. */
let refusals: number[] = [];
/** Keys that the next bulk write does not take. */
let unsuccessful: string[] = [];
let asked: string[] = [];
let server: Server;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const body = await buffer(request);
    const { pathname, searchParams } = new URL(String(request.url), "http://localhost");
    const call = `${request.method} ${pathname.replace(NAMESPACE, "")}`;
    asked.push(call);
    const answer = (result: unknown, more = {}): void => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ success: true, errors: [], result, ...more }));
    };
    const refuse = (status: number, code: number, message: string): void => {
      response.writeHead(status, { "retry-after": "0" });
      response.end(JSON.stringify({ success: false, errors: [{ code, message }], result: null }));
    };
    const refusal = refusals.shift();
    if (refusal !== undefined) return refuse(refusal, 971, "please wait");
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return refuse(401, 10000, "Authentication error");
    if (call === "GET /client/v4/accounts") return answer(accounts);
    const [, worker] = /^GET \/client\/v4\/accounts\/acme\/workers\/scripts\/(.*)\/settings$/.exec(call) ?? [];
    if (worker === "shop-staging")
      return answer({ bindings: [BOUND, { type: "plain_text", name: "MODEL_KEYS", text: "" }] });
    if (worker === "shop-bare") return answer({ bindings: [] });
    if (worker !== undefined) return refuse(404, 10007, "This Worker does not exist on your account.");
    if (!pathname.startsWith(NAMESPACE)) return refuse(404, 10013, "get namespace: namespace not found");
    if (call === "GET /keys") {
      const found = [...values.keys()].filter((key) => key.startsWith(searchParams.get("prefix") ?? ""));
      const [from, to] = searchParams.get("cursor") ? [1, found.length] : [0, 1]; // pages of one, and of the others
      const cursor = to < found.length ? "more" : "";
      return answer(
        found.slice(from, to).map((name) => ({ name })),
        { result_info: { cursor, count: to - from } },
      );
    }
    if (call === "POST /bulk/get") {
      const { keys } = JSON.parse(String(body));
      if (keys.includes("huge")) return refuse(413, 10147, "response too large");
      return answer({
        values: Object.fromEntries(keys.map((key: string) => [key, values.get(key)?.toString() ?? null])),
      });
    }
    if (call === "PUT /bulk") {
      const pairs: { key: string; value: string }[] = JSON.parse(String(body));
      for (const { key, value } of pairs) if (!unsuccessful.includes(key)) values.set(key, Buffer.from(value));
      const missed = unsuccessful.filter((key) => pairs.some((pair) => pair.key === key));
      if (missed.length > 0) unsuccessful = [];
      return answer({ successful_key_count: pairs.length - missed.length, unsuccessful_keys: missed });
    }
    if (call === "POST /bulk/delete") {
      for (const key of JSON.parse(String(body))) values.delete(key);
      return answer({ successful_key_count: 0, unsuccessful_keys: [] });
    }
    const key = decodeURIComponent(/^\S+ \/values\/(.*)$/.exec(call)?.[1] ?? "");
    if (request.method === "PUT") {
      values.set(key, body);
      return answer({});
    }
    const value = values.get(key);
    if (value === undefined) return refuse(404, 10009, "get: 'key not found'");
    response.end(value);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => server.close());

function base(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`;
}

function store(token = TOKEN, id = "0123abcd"): AccountKv {
  const api = new CloudflareApi(new URL(`${base()}/`), { authorization: `Bearer ${token}` });
  return new AccountKv({ api, account: "acme", id });
}

/** A configuration of wrangler with these lines. */
function config(name: string, ...lines: string[]): string {
  const path = join(folder, `${name}.toml`);
  writeFileSync(path, `name = "shop"\ncompatibility_date = "2026-10-20"\n${lines.join("\n")}\n`);
  return path;
}
const MODELS = ["[[kv_namespaces]]", 'binding = "MODELS"', 'id = "0123abcd"'];
function inEnvironment(name: string): string[] {
  return [`[[env.${name}.kv_namespaces]]`, 'binding = "MODELS"'];
}

describe("a publication into an account", () => {
  it("writes what is not there, repairs, sends again what KV did not take, and waits for a busy API", async () => {
    const model = await goldenExport("tiny");
    const publication = (): Publication => new Publication(store());
    const [page = ""] = model.pages.map(({ digest }) => pageKey(digest));
    values.set("page/other", Buffer.from("another model's"));
    refusals = [429, 503, 500];
    unsuccessful = [page];
    expect(await publication().run(model)).toMatchObject({ uploaded: 2, present: 0, repaired: 0 });
    expect(unsuccessful).toEqual([]);
    // The default, the history that is read again, and the end of the journal.
    expect(asked.slice(-3)).toEqual(["PUT /bulk", "POST /bulk/get", "POST /bulk/delete"]);
    expect([...values.keys()].filter((key) => key.startsWith("upload"))).toEqual([]);
    expect(readPointer(String(values.get(pointerKey("tiny"))), "tiny")).toMatchObject({ version: model.version });
    expect(readDefault(String(values.get(defaultKey())))).toBe("tiny");
    expect(Buffer.compare(values.get(blobKey(model.version)) ?? Buffer.alloc(0), model.blob)).toBe(0);

    values.set(page, Buffer.from("damaged"));
    values.set(blobKey(model.version), Buffer.from("damaged"));
    const repair = new Publication(store(), { repair: true });
    expect(await repair.run(model)).toMatchObject({ uploaded: 0, present: 0, repaired: 2 });
    expect(await publication().run(model)).toMatchObject({ uploaded: 0, present: 2, repaired: 0 });
    await expect(store().texts(["huge"])).rejects.toThrow(ValuesTooLarge);
    expect(await store().bytes("absent")).toBe(null);
  });

  it("says what to do where the login or the namespace is refused", async () => {
    const refused = store(generateToken()).keys("page/");
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(
      /got 401 Authentication error \(code 10000\); log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN to a/,
    );
    await expect(store(TOKEN, "ffff").keys("page/")).rejects.toThrow(
      /got 404 .*namespace not found \(code 10013\); `npx wrangler kv namespace list` shows the account's namespaces/,
    );
    asked = [];
    refusals = Array(9).fill(503);
    await expect(store().keys("page/")).rejects.toThrow("got 503 please wait (code 971)");
    expect(asked).toHaveLength(5);
    refusals = [];
  });
});

describe("the namespace of a configuration", () => {
  function logIn(): void {
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", base());
    vi.stubEnv("CLOUDFLARE_API_TOKEN", TOKEN);
  }
  const WITHOUT_ID = MODELS.slice(0, 2);

  it.each([
    ["no binding", [], undefined, "got no kv_namespaces with the binding MODELS, expected one"],
    [
      "no id",
      WITHOUT_ID,
      undefined,
      "kv_namespaces: got no id for MODELS, and no Worker shop is deployed in the account",
    ],
    ["zeros", [...WITHOUT_ID, 'id = "0000"'], undefined, "kv_namespaces: got no id for MODELS, and no Worker shop is"],
    [
      "no such environment",
      [...MODELS, "[env.staging]", "[env.live]"],
      "test",
      "got no environment test, expected one of staging, live",
    ],
    ["no environment at all", MODELS, "test", "got no environment test, expected a table [env.test]"],
    [
      "no binding in the environment",
      [...MODELS, "[env.staging]"],
      "staging",
      "got no kv_namespaces with the binding MODELS, in the environment staging, expected one",
    ],
    [
      "a Worker without one",
      ["[env.bare]", ...inEnvironment("bare")],
      "bare",
      "kv_namespaces: got no id for MODELS, and the deployed Worker shop-bare has no such binding; `npm run deploy`",
    ],
  ])("is asked for where there is %s", async (name, lines, environment, says) => {
    logIn();
    const path = config(name.replaceAll(" ", "-"), ...lines);
    const target = { remote: true, config: path, ...(environment && { environment }) } as const;
    await expect(publish(await goldenExport("pnn"), target)).rejects.toThrow(`${path}: ${says}`);
  });

  it("is the one that the deployed Worker of the environment has, where the configuration has no id", async () => {
    logIn();
    const path = config("provisioned", ...WITHOUT_ID, ...inEnvironment("staging"));
    expect((await findAccountNamespace(path, "staging")).id).toBe("0123abcd");
  });

  it("is asked for where the configuration is none", async () => {
    const path = config("broken", "[[kv_namespaces");
    await expect(findAccountNamespace(path)).rejects.toThrow(UserError);
    await expect(findAccountNamespace(path)).rejects.toThrow(new RegExp(`^${path}: .+`));
  });

  it("is found with wrangler's login, whatever wrangler logs", async () => {
    logIn();
    vi.stubEnv("WRANGLER_LOG", "debug");
    const exported = await goldenExport("pnn");
    const path = config("found", ...MODELS);
    expect(await publish(exported, { remote: true, config: path }, { settle: 0 })).toMatchObject({
      uploaded: 1,
      present: 1, // its page is the model's before, too
      repaired: 0,
    });
    accounts = [...accounts, { id: "other", name: "Other" }];
    await expect(findAccountNamespace(path)).rejects.toThrow(
      `${path}: got no account_id, and a login to 2 accounts: acme (Acme), other (Other); expected account_id, or`,
    );
  });

  it("asks to log in", async () => {
    for (const name of ["HOME", "XDG_CONFIG_HOME"]) vi.stubEnv(name, folder);
    for (const name of ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"]) vi.stubEnv(name, undefined);
    await expect(findAccountNamespace(config("anonymous", ...MODELS))).rejects.toThrow(
      new UserError("you are not logged in to Cloudflare; run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN"),
    );
  });
});
