import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { FLAGS } from "../package/browser.ts";

/** Milliseconds that Chromium may take to start, and a page to become what is waited for: a busy machine is slow. */
const PATIENCE = 120_000;
const POLL_MS = 25;

/** What Chromium needs to know of a key beside its name. */
const KEYS: Record<string, { code: number; text?: string }> = {
  Tab: { code: 9 },
  Enter: { code: 13, text: "\r" },
  End: { code: 35 },
  Home: { code: 36 },
  ArrowLeft: { code: 37 },
  ArrowRight: { code: 39 },
};

export interface Screen {
  /** CSS pixels. */
  width: number;
  dark?: boolean;
}

type Params = Record<string, unknown>;

/** A headless Chromium, which is told what to do over its own protocol. */
export class Chromium implements AsyncDisposable {
  readonly #end: () => Promise<void>;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve: (result: Params) => void; reject: (error: Error) => void }>();
  readonly #pages = new Map<string, (method: string, params: Params) => void>();
  #calls = 0;

  private constructor(socket: WebSocket, end: () => Promise<void>) {
    this.#socket = socket;
    this.#end = end;
    socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(String(data))));
  }

  static async start(path: string): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), "deepfm-edge-chromium-"));
    const args = [...FLAGS, `--user-data-dir=${profile}`, "--remote-debugging-port=0", "about:blank"];
    // A process group of its own: Chromium starts others, and all of them are to end.
    const browser = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
    const ended = once(browser, "exit");
    const end = async (): Promise<void> => {
      if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, "SIGKILL");
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    };
    try {
      const url = await Promise.race([
        addressOf(browser.stderr),
        ended.then(() => failed("Chromium ended before it listened")),
        sleep(PATIENCE, undefined, { ref: false }).then(() => failed(`Chromium did not listen in ${PATIENCE} ms`)),
      ]);
      const socket = new WebSocket(url);
      await once(socket, "open");
      return new Chromium(socket, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** Opens an address on a screen of its own. */
  async open(url: string, { width, dark = false }: Screen): Promise<Page> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page((method, params) => this.send(method, params, String(sessionId)));
    this.#pages.set(String(sessionId), (method, params) => page.hear(method, params));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    const size = { width, height: 900, deviceScaleFactor: 1, mobile: false };
    await page.send("Emulation.setDeviceMetricsOverride", size);
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await page.send("Emulation.setEmulatedMedia", { features });
    await page.send("Page.navigate", { url });
    await page.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    return page;
  }

  send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    const id = ++this.#calls;
    const { promise, resolve, reject } = Promise.withResolvers<Params>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#end();
  }

  #receive(message: {
    id?: number;
    sessionId?: string;
    method?: string;
    params?: Params;
    result?: Params;
    error?: { message: string };
  }): void {
    const { id, sessionId, method, params, result, error } = message;
    if (id === undefined) {
      this.#pages.get(sessionId ?? "")?.(method ?? "", params ?? {});
      return;
    }
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
  }
}

function failed(message: string): never {
  throw new Error(message);
}

async function addressOf(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stderr })) {
    const address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (address) {
      stderr.resume(); // a pipe that nobody reads would stop it
      return address;
    }
  }
  return failed("Chromium said no address");
}

/** A page as its visitor has it, and what a visitor does not see: its faults, and what it asked for. */
export class Page {
  readonly send: (method: string, params?: Params) => Promise<Params>;
  /** Errors of scripts, lines of the console that warn, what a policy refused. A refused request's status is none. */
  readonly faults: string[] = [];
  /** The addresses of all requests. */
  readonly requests: string[] = [];

  constructor(send: (method: string, params?: Params) => Promise<Params>) {
    this.send = send;
  }

  hear(method: string, params: Params): void {
    const heard = JSON.stringify(params);
    if (method === "Network.requestWillBeSent") this.requests.push((params.request as { url: string }).url);
    else if (method === "Runtime.exceptionThrown") this.faults.push(heard);
    else if (method === "Runtime.consoleAPICalled") this.faults.push(heard);
    else if (method === "Log.entryAdded" && (params.entry as { source: string }).source !== "network")
      this.faults.push(heard);
  }

  /** The value of an expression in the page, as JSON has it. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const asked = { expression, returnByValue: true, awaitPromise: true, userGesture: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", asked);
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: Value }).value;
  }

  /** Waits until an expression is true. Rejects with Error, which has the text of the page. */
  async until(expression: string): Promise<void> {
    const end = performance.now() + PATIENCE;
    // The context of a page that is being left goes away in between.
    while (!(await this.evaluate<boolean>(expression).catch(() => false))) {
      if (performance.now() > end)
        throw new Error(`waited in vain for ${expression}:\n${await this.evaluate("document.body.innerText")}`);
      await sleep(POLL_MS);
    }
  }

  /** The text of an element. */
  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  }

  /** Presses keys, one after the other. */
  async press(...keys: (keyof typeof KEYS & string)[]): Promise<void> {
    for (const key of keys) {
      const { code, text } = KEYS[key] ?? failed(`no key ${key}`);
      const event = { key, code: key, windowsVirtualKeyCode: code, ...(text && { text }) };
      await this.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event });
      await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
    }
  }

  /** Presses Tab until the element with an id has the focus, as somebody without a mouse does. */
  async tabTo(id: string): Promise<void> {
    for (let presses = 0; presses < 60; presses++) {
      await this.press("Tab");
      if ((await this.evaluate("document.activeElement.id")) === id) return;
    }
    failed(`Tab does not lead to #${id}`);
  }

  /** Writes into what has the focus, in place of what is there. */
  async write(text: string): Promise<void> {
    await this.evaluate("document.activeElement.select()");
    await this.send("Input.insertText", { text });
  }
}
