// What npm scripts and people start with `node FILE.ts`.
import { execFile } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { oldNode } from "../cli/old-node.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-entries-"));
afterAll(() => rmSync(folder, { recursive: true }));

const entries = globSync("scripts/*.ts", { cwd: ROOT }).sort();

function run(node: string, cwd: string, ...args: string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile(node, args, { cwd }, (error, _, stderr) => resolve({ code: Number(error?.code ?? 0), stderr }));
  });
}

describe("an entry", () => {
  it("is what every npm script starts", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const started = Object.values(scripts).flatMap((script) => script.match(/(?<=node )\S+\.ts/g) ?? []);
    expect([...new Set(started)].filter((file) => file !== "cli/cli.ts").sort()).toEqual(entries);
  });

  it.each(entries)("has a program of its name: %s", (entry) => {
    expect(existsSync(join(ROOT, "scripts/programs", basename(entry)))).toBe(true);
  });
});

const old = oldNode();
describe.skipIf(old === null)(`with a Node that is too old${old ? "" : ": skipped, none on the PATH"}`, () => {
  it("starts the program with the project's own Node, and its exit code is the program's", async () => {
    expect(await run(String(old), ROOT, "scripts/golden.ts", "--nonsense")).toEqual({
      code: 2,
      stderr: "golden: got --nonsense, expected nothing or --check\n",
    });
  });

  it("says in one line what to do where the project has no Node", async () => {
    mkdirSync(join(folder, "cli"));
    for (const path of ["scripts", "cli/start-program.js", "cli/package.json"])
      cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    for (const entry of entries)
      expect(await run(String(old), folder, entry), entry).toEqual({
        code: 1,
        stderr: expect.stringMatching(
          /^error: got Node [\d.]+, expected at least 24: run `npm ci`, which installs one, and start this again\n$/,
        ),
      });
  });
});
