import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { VERSION } from "../../trainer/io/project.ts";

// The entry of the command, which also a Node that cannot run the program starts.

const BIN = fileURLToPath(new URL("../../cli/bin.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-bin-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(node: string, bin: string, ...args: string[]) {
  const child = spawn(node, [bin, ...args]);
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    printed.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    printed.stderr += chunk;
  });
  const [code] = await once(child, "close");
  return { code, ...printed };
}

/** An installation with the given files, each of which prints its name. */
function installation(name: string, ...files: string[]): string {
  const root = join(folder, name);
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), `console.log("${file}", ...process.argv.slice(2));\n`);
  }
  writeFileSync(join(root, "package.json"), '{"type": "module"}');
  mkdirSync(join(root, "cli"), { recursive: true });
  copyFileSync(BIN, join(root, "cli", "bin.js"));
  return join(root, "cli", "bin.js");
}

describe("bin.js", () => {
  it("starts the program with its arguments", async () => {
    expect(await run(process.execPath, BIN, "--version")).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  it("starts the compiled program where there are no sources, and otherwise the sources", async () => {
    const compiled = installation("compiled", "dist/cli/packaged.js");
    expect((await run(process.execPath, compiled, "train")).stdout).toBe("dist/cli/packaged.js train\n");
    const both = installation("both", "dist/cli/packaged.js", "cli/cli.ts");
    expect((await run(process.execPath, both, "train")).stdout).toBe("cli/cli.ts train\n");
  });
});

/** A Node on the PATH that cannot run TypeScript; null where there is none. */
function oldNode(): string | null {
  const found = (process.env.PATH ?? "").split(delimiter).map((path) => join(path, "node"));
  const isOld = (node: string): boolean =>
    existsSync(node) && Number.parseInt(execFileSync(node, ["--version"]).toString().slice(1), 10) < 24;
  return found.find(isOld) ?? null;
}

const old = oldNode();
describe.skipIf(old === null)(`bin.js with a Node that is too old${old ? "" : ": skipped, none on the PATH"}`, () => {
  it("starts the program with the project's own Node", async () => {
    expect(await run(String(old), BIN, "--version")).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  it("gives back the exit code of the program", async () => {
    const { code, stderr } = await run(String(old), BIN, "inspect", "absent.blob");
    expect(stderr).toContain("error: absent.blob: ENOENT");
    expect(code).toBe(1);
  });

  it("says in one line what to do where the project has no Node", async () => {
    const { code, stdout, stderr } = await run(String(old), installation("bare", "cli/cli.ts"));
    expect(stderr).toMatch(/^error: got Node [\d.]+, expected at least 24: run `npm ci`, .*`npx deepfm-edge …`\n$/);
    expect([code, stdout]).toEqual([1, ""]);
  });
});
