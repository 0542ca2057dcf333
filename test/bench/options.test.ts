import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { PROJECT } from "../../trainer/io/project.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-options-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SCRIPT = join(folder, "turns.ts");
writeFileSync(
  SCRIPT,
  `// Counts turns.
//   npm run bench -- turns [--rounds 3] [--quick]
import { benchOptions } from ${JSON.stringify(pathToFileURL(join(PROJECT, "bench/options.ts")).href)};
const { values } = benchOptions({
  options: { rounds: { type: "string", default: "3" }, quick: { type: "boolean", default: false } },
});
console.log(JSON.stringify(values));
`,
);

const EXPECTED = "expected --rounds <value>, --quick, --help";

describe("the options of a benchmark", () => {
  it("are read with their defaults", () => {
    expect(run("--rounds", "5")).toEqual({ status: 0, stdout: '{"rounds":"5","quick":false}\n', stderr: "" });
  });

  it.each(["--help", "-h"])("are told by %s, by the head of its script", (help) => {
    const head = "Counts turns.\n  npm run bench -- turns [--rounds 3] [--quick]\n";
    expect(run(help)).toEqual({ status: 0, stdout: head, stderr: "" });
  });

  it.each([
    [["--round", "5"], "Unknown option '--round'"],
    [["--rounds"], "Option '--rounds <value>' argument missing"],
    [["--quick=yes"], "Option '--quick' does not take an argument"],
    [["5"], "Unexpected argument '5'"],
  ])("are refused in one line: %j", (args, got) => {
    expect(run(...args)).toEqual({ status: 2, stdout: "", stderr: `error: ${got}; ${EXPECTED}\n` });
  });
});

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}
