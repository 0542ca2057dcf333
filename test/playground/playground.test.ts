// The playground in a headless Chromium, on a phone's screen and on a desktop's, before the Worker in workerd.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type LocalServer, startDevServer } from "../../deploy/dev-server.ts";
import { openStore } from "../../deploy/kv/open-store.ts";
import { Publication } from "../../deploy/publication.ts";
import { WRANGLER_CONFIG } from "../../deploy/wrangler.ts";
import { generateToken, type Scope, writeTokenEntry } from "../../format/tokens.ts";
import { goldenExport } from "../deploy/golden-export.ts";
import { findChromium } from "../package/browser.ts";
import { Chromium, type Page } from "./chromium.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const chromium = findChromium();
const SCREENS = [390, 1280];

interface Explanation {
  logit: number;
  linear: object;
  pairs: object[];
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-playground-"));
const tokens = { score: generateToken(), admin: generateToken() };
let server: LocalServer;
let browser: Chromium;
const opened: Page[] = [];

const skipped = chromium === null;
describe.skipIf(skipped)(`the playground${skipped ? ": no chromium on the PATH" : ""}`, () => {
  beforeAll(async () => {
    const persistTo = join(folder, "kv");
    {
      await using store = await openStore({ remote: false, persistTo }, () => {});
      for (const name of ["catalogue", "tiny"]) await new Publication(store).run(await goldenExport(name));
    }
    const entries = (["score", "admin"] as const).map((scope) => writeTokenEntry(scope, scope, tokens[scope]));
    const value = (await Promise.all(entries)).join(" ");
    const bindings = {
      TOKENS: { type: "plain_text", value },
      ROW_DEADLINE_MS: { type: "plain_text", value: "30000" },
    } as const;
    server = await startDevServer(WRANGLER_CONFIG, { persistTo, bindings });
    browser = await Chromium.start(chromium ?? "");
  });
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  afterEach(() => {
    for (const page of opened.splice(0)) {
      expect(page.faults).toEqual([]);
      expect(page.requests.length).toBeGreaterThan(1);
      for (const address of page.requests)
        if (!address.startsWith("data:")) expect(new URL(address).origin).toBe(server.url.origin);
    }
  });

  async function openPage(width: number, dark = false): Promise<Page> {
    const page = await browser.open(server.url.href, { width, dark });
    opened.push(page);
    return page;
  }

  /** With a token of this scope, from the keyboard alone. The focus is then on the first tab. */
  async function openWith(scope: Extract<Scope, "score" | "admin">, width = 1280, dark = false): Promise<Page> {
    const page = await openPage(width, dark);
    await page.until("!document.querySelector('#notice').hidden");
    await page.tabTo("token");
    await page.write(tokens[scope]);
    await page.press("Enter");
    await page.until("document.querySelector('#serving').textContent.startsWith('Model catalogue, the default')");
    await page.tabTo("mode-score");
    return page;
  }

  async function post(path: string, body: object): Promise<Record<string, never>> {
    const headers = { "content-type": "application/json", authorization: `Bearer ${tokens.admin}` };
    const response = await fetch(new URL(path, server.url), { method: "POST", headers, body: JSON.stringify(body) });
    return (await response.json()) as Record<string, never>;
  }

  /** Presses the main button, and waits until the answer is there. */
  async function send(page: Page): Promise<string> {
    await page.tabTo("send");
    await page.press("Enter");
    await page.until("document.querySelector('#timing').textContent !== ''");
    return page.text("#status");
  }

  /** Chooses an option of a list. */
  async function choose(page: Page, id: string, value: string): Promise<void> {
    const list = `document.getElementById(${JSON.stringify(id)})`;
    await page.evaluate(`${list}.value = ${JSON.stringify(value)}`);
    for (const event of ["input", "change"])
      await page.evaluate(`${list}.dispatchEvent(new Event('${event}', { bubbles: true }))`);
  }

  const answerOf = (page: Page) =>
    page.evaluate<Record<string, never>>("JSON.parse(document.querySelector('#answer').textContent)");

  async function expectToFit(page: Page): Promise<void> {
    const tooWide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(tooWide)).toBe(0);
  }

  /** By the rules of axe: names, roles, contrast, what the keyboard reaches. */
  async function expectAccessible(page: Page): Promise<void> {
    if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe);
    type Violation = { id: string; nodes: { html: string; failureSummary: string }[] };
    const violations = await page.evaluate<Violation[]>("axe.run().then(({ violations }) => violations)");
    expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => [node.html, node.failureSummary])])).toEqual([]);
  }

  test("asks for a token where one is needed, and says what one lacks; nothing shows the token", async () => {
    const page = await openPage(1280);
    await page.until("!document.querySelector('#notice').hidden");
    expect(await page.text("#notice")).toMatch(
      /token: got no token, expected one with the scope score.*Put such a token/,
    );
    await page.tabTo("token");
    await page.write("dfe_wrong");
    await page.press("Enter");
    await page.until("document.querySelector('#notice').textContent.includes('got an unknown token')");

    const user = await openWith("score");
    expect(await user.text("#origin")).toContain("made up");
    expect(await user.evaluate("document.getElementById('listings').hidden")).toBe(false); // it has a catalogue
    await user.press("End");
    expect(await user.text("#send")).toBe("Explain");
    expect(await send(user)).toBe("The token lacks a scope");
    expect(await user.text("#problems")).toContain("got the scope score, expected a token with the scope explain");
    expect(await user.text("#code")).toContain("Bearer $DEEPFM_EDGE_TOKEN");
    const everywhere = "document.documentElement.outerHTML + location.href + JSON.stringify({ ...sessionStorage })";
    expect(await user.evaluate(everywhere)).not.toContain(tokens.score);
  });

  test.each(SCREENS)("scores, ranks and explains from the keyboard, %i pixels wide", async (width) => {
    const page = await openWith("admin", width, width === 390);
    await page.tabTo("example");
    await page.press("Enter");
    const record = { site: "shop", hour: 12, ad: "lamp", price: 7.5 };
    for (const [id, value] of Object.entries({
      "context-0": "shop",
      "context-1": 12,
      "item-0": "lamp",
      "item-1": 7.5,
    })) {
      await page.tabTo(id);
      await page.write(String(value));
    }
    const expected = await post("/v1/score", { records: [record], unseen: true });
    await page.press("Enter"); // in an input, as in every form
    await page.until("document.querySelector('#timing').textContent !== ''");
    expect(await answerOf(page)).toEqual(expected);
    expect(await page.text("#status")).toBe(`Score ${Number(Number(expected.scores[0]).toPrecision(6))}`);
    expect(await page.text("#timing")).toMatch(/^[\d.]+ ms there and back · encode [\d.]+ ms · .* keys? of KV$/);
    await expectToFit(page);
    if (width === 390) await expectAccessible(page);

    await page.evaluate("document.getElementById('mode-score').focus()");
    await page.press("ArrowRight");
    expect(await page.text("#send")).toBe("Rank");
    await page.tabTo("add");
    await page.press("Enter");
    await page.write("tent");
    await choose(page, "objective", "ecpm");
    await page.tabTo("candidate-2-bid");
    await page.write("2.5");
    const summary = await send(page);
    const ranked = await answerOf(page);
    const ids = "[...document.querySelectorAll('.ranking tbody th')].map((cell) => cell.textContent)";
    const items = ranked.items as { id: string; value: number; score: number }[];
    expect(await page.evaluate(ids)).toEqual(items.map(({ id }) => id));
    expect(items.length).toBeGreaterThan(3);
    expect(items.map(({ value }) => value)).toEqual(items.map(({ value }) => value).sort((a, b) => b - a));
    for (const { id, value, score } of items) expect(value).toBeCloseTo(score * (id === "item-2" ? 2.5 : 1), 12);
    expect(summary).toContain(`Ranked ${items.length} candidates; the first is ${items[0].id},`);
    await expectToFit(page);
    if (width === 390) await expectAccessible(page);

    // The catalogue's items are ranked by their ids alone.
    await choose(page, "listing", "items");
    await page.tabTo("add");
    await page.press("Enter");
    expect(await send(page)).toBe("The request breaks the model's contract");
    const added = await page.evaluate<string>("document.activeElement.id");
    expect(await page.text(`#${added}-wrong`)).toContain("got no id");
    await page.write("lamp");
    const listed = await page.evaluate<string[]>(
      "[...document.querySelectorAll('#items td.id input')].map(({ value }) => value)",
    );
    expect(listed.length).toBeGreaterThan(2);
    expect(listed.at(-1)).toBe("lamp");
    const context = { site: "shop", hour: 12 };
    const asked = { context, items: listed, objective: "ecpm", bids: listed.map(() => 1), unseen: true };
    expect(await send(page)).toContain(`Ranked ${listed.length} candidates`);
    expect(await answerOf(page)).toEqual(await post("/v1/rank", asked));
    expect(await page.text("#code")).toContain('"items"');
    await expectToFit(page);
    if (width === 390) await expectAccessible(page);

    await page.evaluate("document.getElementById('mode-rank').focus()");
    await page.press("ArrowRight");
    await send(page);
    const terms = "[...document.querySelectorAll('.terms tbody td:last-child')].map((cell) => cell.textContent)";
    const numbers = (await page.evaluate<string[]>(terms)).map((text) => Number(text.replace("−", "-")));
    const [{ logit, linear, pairs }] = (await answerOf(page)).explanations as Explanation[];
    expect(numbers).toHaveLength(3 + Object.keys(linear).length + pairs.length);
    expect(numbers.reduce((sum, term) => sum + term)).toBeCloseTo(logit, 3); // each is rounded to four digits
    expect(numbers.some((term) => term < 0)).toBe(true);
    await expectToFit(page);
    await expectAccessible(page);
  });

  test("shows what is wrong at its input, and values that training has not seen", async () => {
    const page = await openWith("admin");
    await page.tabTo("context-0");
    await page.write("nobody.example");
    await page.tabTo("context-1");
    await page.write("noon");
    await page.press("Enter");
    await page.until("document.activeElement.getAttribute('aria-invalid') === 'true'");
    expect(await page.evaluate("document.activeElement.id")).toBe("context-1");
    expect(await page.text("#context-1-wrong")).toContain('got "noon", expected a number');
    await page.write("12");
    await page.press("Enter");
    await page.until("document.querySelector('#status').textContent.startsWith('Score')");
    expect(await page.evaluate("document.querySelectorAll('[aria-invalid]').length")).toBe(0);
    expect(await page.text("#context-0-unseen")).toContain("Not seen in training");
    expect(await page.text("#remarks")).toContain("or too seldom: site");

    await page.evaluate("document.getElementById('mode-score').focus()");
    await page.press("ArrowRight");
    await page.tabTo("k");
    await page.write("0");
    await page.tabTo("candidate-2-1");
    await page.write("cheap");
    expect(await send(page)).toBe("The request breaks the model's contract");
    expect(await page.text("#k-wrong")).toContain("expected a whole number from 1");
  });

  test("another model is chosen by its name", async () => {
    const page = await openWith("admin");
    await page.evaluate("document.getElementById('model').focus()");
    await page.write("nothing");
    await page.press("Enter");
    await page.until("document.querySelector('#notice').textContent.includes('No such model is published')");
    await page.write("tiny");
    await page.press("Enter");
    await page.until("document.querySelector('#serving').textContent.startsWith('Model tiny ')");
    await send(page);
    expect(await answerOf(page)).toMatchObject({ model: "tiny" });
    expect(await page.evaluate("document.getElementById('listings').hidden")).toBe(true); // it has no catalogue
    expect(await page.text("#code")).toContain('"model": "tiny"');
  });

  /** Has the page's requests answered by a function of the page: (send, url, options) => Response. */
  const answerWith = (page: Page, answer: string) =>
    page.evaluate(`(() => { const send = fetch; globalThis.fetch = (...args) => (${answer})(send, ...args); })()`);

  test("a value that nobody has edited goes as it came, also one that an input shows otherwise", async () => {
    const page = await openWith("admin");
    const site = "one\ntwo";
    await answerWith(
      page,
      `async (send, url, options) => {
        const response = await send(url, options);
        if (!url.endsWith("/v1/models")) return response;
        const { models } = await response.json();
        models[0].examples = [{ ...models[0].example, site: ${JSON.stringify(site)} }];
        return Response.json({ models });
      }`,
    );
    await page.evaluate("document.getElementById('load').click()");
    await page.until("document.querySelector('#context-0').value === 'onetwo'");
    expect(await page.text("#code")).toContain(JSON.stringify(site));
    await page.evaluate("document.getElementById('context-0').focus()");
    await page.write("three");
    expect(await page.text("#code")).toContain('"site": "three"');
  });

  test("says when what it shows is of another request, and a late answer replaces no later one", async () => {
    const page = await openWith("admin");
    await send(page);
    const outdated = "document.getElementById('outdated').hidden === false";
    expect(await page.evaluate(outdated)).toBe(false);
    await page.evaluate("document.getElementById('context-0').focus()");
    await page.write("elsewhere");
    expect(await page.evaluate(outdated)).toBe(true);
    await send(page);
    expect(await page.evaluate(outdated)).toBe(false);

    // The first of two is answered when the second is there.
    await answerWith(
      page,
      `async (send, url, options) => {
        const first = JSON.parse(options.body ?? "{}").model === "tiny";
        if (first) await new Promise((resolve) => { globalThis.answerFirst = resolve; });
        const response = await send(url, options);
        if (url.endsWith("/v1/models")) globalThis.listed = (globalThis.listed ?? 0) + 1;
        return response;
      }`,
    );
    await page.evaluate("document.getElementById('model').focus()");
    await page.write("tiny");
    await page.press("Enter");
    expect(await page.text("#load")).toBe("Loading…");
    await page.write("catalogue");
    await page.press("Enter");
    await page.until("document.querySelector('#load').textContent === 'Load'");
    await page.evaluate("globalThis.answerFirst()");
    await page.until("globalThis.listed === 2");
    // What the page makes of the list is done before a further request is answered.
    await page.evaluate("fetch('/v1/models', {}).then((response) => response.text())");
    expect(await page.text("#serving")).toMatch(/^Model catalogue/);
  });

  test("a text from right to left turns nothing of its line around", async () => {
    const page = await openWith("admin");
    await answerWith(
      page,
      `async (send, url, options) => Response.json({ ...(await (await send(url, options)).json()), unseen: { שם: 2 } })`,
    );
    await page.tabTo("context-0");
    await page.write("שלום");
    expect(await page.evaluate("getComputedStyle(document.activeElement).direction")).toBe("rtl");
    await send(page);
    const left = (text: string) =>
      page.evaluate<number>(`(() => {
        const walker = document.createTreeWalker(document.getElementById("answer"), NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          const at = node.textContent.indexOf(${JSON.stringify(text)});
          if (at < 0) continue;
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + ${text.length});
          return range.getBoundingClientRect().left;
        }
      })()`);
    expect(await left("שם")).toBeLessThan(await left(": 2"));
    await page.evaluate("document.getElementById('context-0').focus()");
    await page.write("shop");
    expect(await page.evaluate("getComputedStyle(document.activeElement).direction")).toBe("ltr");
  });

  test("where a system has colors of its own, bars and the chosen tab are told from what is around", async () => {
    const page = await openWith("admin");
    const features = [{ name: "forced-colors", value: "active" }];
    await page.send("Emulation.setEmulatedMedia", { features });
    await page.press("End");
    await send(page);
    const background = (selector: string) =>
      page.evaluate(`getComputedStyle(document.querySelector(${JSON.stringify(selector)})).backgroundColor`);
    expect(await background(".track .plus")).not.toBe(await background(".track"));
    expect(await background("#mode-explain")).not.toBe(await background("#mode-score"));
    const image = "getComputedStyle(document.querySelector('.track .minus')).backgroundImage";
    expect(await page.evaluate(image)).toContain("gradient");
    await expectAccessible(page);
  });

  test("the requests that it shows answer what it shows", async () => {
    const page = await openWith("admin");
    await page.tabTo("context-0");
    await page.write('it\'s a "shop" $HOME \\n');
    await send(page);
    const shown = await answerOf(page);
    const env = { ...process.env, DEEPFM_EDGE_TOKEN: tokens.admin };
    const programs: [string, string, string[]][] = [
      ["curl", "sh", ["-c"]],
      ["typescript", process.execPath, ["--input-type=module-typescript", "--eval"]],
      ["python", "python3", ["-c"]],
    ];
    await page.evaluate("document.getElementById('code-curl').focus()");
    for (const [language, program, args] of programs) {
      const text = await page.evaluate<string>("document.querySelector('#code').textContent");
      await page.press("ArrowRight");
      const printed = await promisify(execFile)(program, [...args, text], { cwd: ROOT, env }).catch((error) => {
        // A machine without curl or Python has the others.
        if (error.code === "ENOENT" || error.code === 127) return null;
        throw error;
      });
      if (printed) expect([language, JSON.parse(printed.stdout)]).toEqual([language, shown]);
    }
  });
});
