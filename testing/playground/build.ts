// The playground as one page: playground/main.ts and its imports as one script, with the style, in the page's markup.
// `npm run golden` writes it to worker/playground.json, with the policy that lets just these two in.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { sha256 } from "../../format/hash.ts";

const FOLDER = new URL("../../playground/", import.meta.url);

/** What browsers of the last two years run, in the words of esbuild. */
const TARGET = "es2022";

export async function playgroundJson(): Promise<string> {
  const script = await bundled("main.ts");
  const { code } = await transform(await text("style.css"), { loader: "css", minify: true });
  const style = code.trim();
  const html = (await text("page.html"))
    .replace("/* style.css */", () => style)
    .replace("/* main.js */", () => script)
    .trim();
  const contentSecurityPolicy = [
    "default-src 'none'",
    `script-src ${await hashOf(script)}`,
    `style-src ${await hashOf(style)}`,
    "connect-src 'self'",
    "img-src data:",
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
    ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
  ].join("; ");
  return `${JSON.stringify({ contentSecurityPolicy, html }, null, 2)}\n`;
}

async function bundled(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(file, FOLDER))],
    ...{ bundle: true, minify: true, write: false, format: "iife", target: TARGET, legalComments: "none" },
    charset: "utf8",
  });
  return (outputFiles[0]?.text ?? "").trim();
}

function text(file: string): Promise<string> {
  return readFile(new URL(file, FOLDER), "utf8");
}

/** A source of a content security policy: what has this hash. */
async function hashOf(content: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(content));
  return `'sha256-${Buffer.from(digest).toString("base64")}'`;
}
