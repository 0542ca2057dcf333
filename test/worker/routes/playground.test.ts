import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { createApp } from "../../../worker/app.ts";
import { problemOf, startWorker } from "../client.ts";

/** Bytes of the page: it should be there at once on a phone, and cost an isolate that never shows it little. */
const MAX_BYTES = 40 * 2 ** 10;

test("the page is there without a token, small, whole, and lets in what it is made of alone", async () => {
  const response = await startWorker({ AUTH: "tokens" }).fetch("/");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=UTF-8");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  const html = await response.text();
  expect(new TextEncoder().encode(html).length).toBeLessThan(MAX_BYTES);
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'; ");
  expect(policy).toContain("; connect-src 'self'; ");
  expect(policy).toContain("; frame-ancestors 'none'");
  for (const tag of ["script", "style"]) {
    const [, content = ""] = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(html) ?? [];
    expect(content.length).toBeGreaterThan(1000);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
    expect(policy).toContain(`${tag}-src 'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}';`);
  }
  expect(html.match(/https?:\/\/[^'"\s]+/g)).toEqual(["http://www.w3.org/2000/svg"]);
  expect(html).not.toMatch(/\/\* (main|style)\.\w+ \*\/|<!--/);
});

test("a variable and an option turn it off; other methods and wrong settings are problems", async () => {
  expect((await problemOf(await startWorker({ PLAYGROUND: "off" }).fetch("/"))).status).toBe(404);
  expect((await startWorker({ PLAYGROUND: "on" }).fetch("/", { method: "HEAD" })).status).toBe(200);
  expect((await problemOf(await startWorker().post("/", {}))).status).toBe(405);
  const wrong = await problemOf(await startWorker({ PLAYGROUND: "no" }).fetch("/"));
  expect(wrong.detail).toBe('PLAYGROUND: got "no", expected "on" or "off"');
  const bindings = { MODELS: env.MODELS, AUTH: "off" };
  for (const playground of [false, () => false]) {
    const app = createApp({ playground });
    expect((await app.request("/", {}, bindings)).status).toBe(404);
  }
});

test("an app that mounts the Worker has it below its path", async () => {
  const host = new Hono().route("/ctr", createApp());
  for (const path of ["/ctr", "/ctr/"]) {
    const response = await host.request(path, {}, { MODELS: env.MODELS, AUTH: "off" });
    expect([path, response.status, response.headers.get("content-type")]).toEqual([
      path,
      200,
      "text/html; charset=UTF-8",
    ]);
  }
});
