import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { VERSION } from "../../trainer/io/project.ts";
import { saveGoldenExport } from "../deploy/golden-export.ts";
import { oldNode } from "./old-node.ts";

// The entry of the command, which also a Node that cannot run the program starts.

const CLI = fileURLToPath(new URL("../../cli", import.meta.url));
const BIN = join(CLI, "bin.js");
const BY_HAND = join(CLI, "cli.ts");
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
  mkdirSync(join(root, "cli/commands"), { recursive: true });
  for (const file of ["bin.js", "start-program.js", "cli.ts", "package.json", "commands/package.json"])
    copyFileSync(join(CLI, file), join(root, "cli", file));
  return join(root, "cli", "bin.js");
}

describe("the command", () => {
  it.each([BIN, BY_HAND])("starts the program with its arguments: %s", async (entry) => {
    expect(await run(process.execPath, entry, "--version")).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  it("starts the compiled program where there are no sources, and otherwise the sources", async () => {
    const compiled = installation("compiled", "dist/cli/commands/packaged.js");
    expect((await run(process.execPath, compiled, "train")).stdout).toBe("dist/cli/commands/packaged.js train\n");
    const both = installation("both", "dist/cli/commands/packaged.js", "cli/commands/main.ts");
    expect((await run(process.execPath, both, "train")).stdout).toBe("cli/commands/main.ts train\n");
  });
});

const old = oldNode();
describe.skipIf(old === null)(`with a Node that is too old${old ? "" : ": skipped, none on the PATH"}`, () => {
  it.each([BIN, BY_HAND])("starts the program with the project's own Node: %s", async (entry) => {
    expect(await run(String(old), entry, "--version")).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  it("gives back the exit code of the program", async () => {
    const { code, stderr } = await run(String(old), BIN, "inspect", "absent.blob");
    expect(stderr).toContain("error: absent.blob: no such file");
    expect(code).toBe(1);
  });

  it.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)("ends the program with itself, at %s", async (signal) => {
    const silent = createServer(() => {}).unref();
    const asked = once(silent, "request");
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const { port } = silent.address() as AddressInfo;
    await saveGoldenExport(join(folder, "export"), "pnn");
    const log = join(folder, "log.csv");
    writeFileSync(log, "click,site,price\n1,a,2\n");
    const args = ["evaluate", `http://127.0.0.1:${port}`, "--export", join(folder, "export"), "--test", log];
    const launcher = spawn(String(old), [BIN, ...args], { stdio: "ignore" });
    const [request] = await asked;
    const closed = once((request as IncomingMessage).socket, "close");
    launcher.kill(signal);
    await closed; // the program's connection ends with it
    silent.close();
  });

  it.each(["bin.js", "cli.ts"])("says in one line what to do where the project has no Node: %s", async (entry) => {
    const bin = installation("bare", "cli/commands/main.ts");
    const { code, stdout, stderr } = await run(String(old), join(dirname(bin), entry));
    expect(stderr).toMatch(/^error: got Node [\d.]+, expected at least 24: run `npm ci`, .*`npx deepfm-edge …`\n$/);
    expect([code, stdout]).toEqual([1, ""]);
  });
});
