import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, extname, join, normalize } from "node:path";

/** Without a window, a network of its own, or anything that it does by itself. */
export const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page that has posted nothing after this long, ms, never will. */
const PAGE_TIMEOUT = 45_000;

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };

/** The Chromium on the PATH, as Debian names it; null where there is none. */
export function findChromium(): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "chromium");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return null;
}

/**
 * Opens page.html of a folder in a headless Chromium, from a server on loopback which also has the folder's other files
 * and the blob under /blob. Returns what the page posts to /result.
 */
export async function openPage(chromium: string, folder: string, blob: Uint8Array): Promise<unknown> {
  const posted = Promise.withResolvers<unknown>();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    const file = join(folder, normalize(pathname));
    if (pathname === "/result") {
      posted.resolve(JSON.parse(await bodyOf(request)));
      response.end();
    } else if (pathname === "/blob") response.end(blob);
    else if (existsSync(file)) {
      response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
      response.end(readFileSync(file));
    } else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const profile = mkdtempSync(join(tmpdir(), "deepfm-edge-chromium-"));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/page.html`;
  // A process group of its own: Chromium starts others, and all of them are to end.
  const browser = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
  const ended = once(browser, "exit");
  ended.then(() => posted.reject(new Error(`${chromium} ended before its page had posted a result`)), posted.reject);
  const late = setTimeout(
    () => posted.reject(new Error(`the page posted no result in ${PAGE_TIMEOUT} ms`)),
    PAGE_TIMEOUT,
  );
  try {
    return await posted.promise;
  } finally {
    clearTimeout(late);
    if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, "SIGKILL");
    await ended.catch(() => {});
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
