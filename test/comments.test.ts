import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The code's width, which the formatter keeps for code alone. */
const MAX_COLUMNS = 120;
/** Wrangler writes it. */
const GENERATED = "worker/bindings.d.ts";

/** The lines of a text that are comments and too wide, by their numbers. */
function wideComments(text: string): number[] {
  return text
    .split("\n")
    .flatMap((line, i) => (/^\s*(\/\/|\*|\/\*)/.test(line) && [...line].length > MAX_COLUMNS ? [i + 1] : []));
}

const checkout = existsSync(`${ROOT}.git`);
test.skipIf(!checkout)("comments are no wider than the code", () => {
  const files = execFileSync("git", ["ls-files", "*.ts", "*.js"], { cwd: ROOT, encoding: "utf8" }).trim().split("\n");
  const wide = files
    .filter((file) => file !== GENERATED && existsSync(`${ROOT}${file}`))
    .flatMap((file) => wideComments(readFileSync(`${ROOT}${file}`, "utf8")).map((line) => `${file}:${line}`));
  expect(wide).toEqual([]);
});

test("a wide comment is found, and a wide line of code is not", () => {
  expect(wideComments(`// ${"x".repeat(118)}\nconst x = "${"x".repeat(118)}";\n  /** ${"x".repeat(110)}`)).toEqual([1]);
});
