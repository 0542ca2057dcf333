import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROJECT } from "../../trainer/io/project.ts";
import type { Start } from "./start-each.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-options-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the options of a benchmark", () => {
  const SCRIPT = join(folder, "turns.ts");
  const own = (path: string): string => JSON.stringify(pathToFileURL(join(PROJECT, path)).href);
  writeFileSync(
    SCRIPT,
    `// Counts turns,
//   one by one.
import { benchOptions, flag, option, optional, required } from ${own("bench/options.ts")};
import { JSON_FILE, listOf, logPath, oneOf } from ${own("bench/values.ts")};
import { integerWithin } from ${own("trainer/terminal/number-option.ts")};

const options = benchOptions({
  "--rounds <n>": option("rounds of turns", integerWithin(1, 9), 3),
  "--parts <name,…>": option("what takes its turn", listOf(oneOf(["warm", "cold"])), ["warm", "cold"]),
  "--most-turns <n>": optional("turns at most", integerWithin(1, 9)),
  "--log <path...>": required("logs", logPath),
  "--quick": flag("fewer of them"),
  "--json <file>": JSON_FILE,
});
console.log(JSON.stringify(options));
`,
  );

  it.each([
    [["--log", SCRIPT], { rounds: 3, parts: ["warm", "cold"], log: [SCRIPT], quick: false }],
    [
      ["--rounds", "5", "--parts", "COLD", "--most-turns", "7", "--quick", "--log", SCRIPT, folder, "--log", SCRIPT],
      { rounds: 5, parts: ["cold"], mostTurns: 7, log: [SCRIPT, folder, SCRIPT], quick: true },
    ],
  ])("are values: %j", (args, values) => {
    const { status, stdout, stderr } = run(SCRIPT, ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(values);
  });

  it("are told by --help, below the head of the script", () => {
    expect(run(SCRIPT, "--help")).toEqual({
      status: 0,
      stdout: `Counts turns,
  one by one.

Usage: npm run bench -- turns [options]

Options:
  --rounds <n>      rounds of turns (default: 3)
  --parts <name,…>  what takes its turn (default: warm,cold)
  --most-turns <n>  turns at most
  --log <path...>   logs
  --quick           fewer of them
  --json <file>     where the results are written, as JSON
  -h, --help        display help for command
`,
      stderr: "",
    });
  });

  it.each([
    ["--quick", "required option '--log <path...>' not specified"],
    ["--rounds", "option '--rounds <n>' argument missing"],
    ["5", "too many arguments. Expected 0 arguments but got 1: 5."],
    [
      "--parts=warm,hot",
      "option '--parts <name,…>' argument 'warm,hot' is invalid. got hot, expected one of warm, cold",
    ],
    ["--log=a.csv", "option '--log <path...>' argument 'a.csv' is invalid. a.csv: no such file"],
    ["--json=.", "option '--json <file>' argument '.' is invalid. got a folder, expected the name of a file"],
    [
      `--json=${SCRIPT}`,
      `option '--json <file>' argument '${SCRIPT}' is invalid. ${SCRIPT}: got a file that is there and is no JSON of a ` +
        "benchmark, expected a new name, or that of one",
    ],
    [
      "--json=/dev/null",
      "option '--json <file>' argument '/dev/null' is invalid. /dev/null: not written: got a device, expected the name " +
        "of a file",
    ],
    ["--json=", "option '--json <file>' argument '' is invalid. got no text, expected the name of a file"],
  ])("are refused in one line: %s", (arg, got) => {
    const log = arg === "--quick" ? [] : [`--log=${SCRIPT}`];
    expect(run(SCRIPT, ...log, arg)).toEqual({ status: 2, stdout: "", stderr: `error: ${got}\n` });
  });
});

describe("every benchmark", () => {
  let starts: Start[] = [];
  const temporary = mkdtempSync(join(folder, "temporary-"));
  beforeAll(() => {
    const script = join(import.meta.dirname, "start-each.ts");
    const env = { ...process.env, TMPDIR: temporary };
    const { stdout, stderr } = spawnSync(process.execPath, [script], { env, encoding: "utf8", timeout: 280_000 });
    expect(stderr).toBe("");
    starts = JSON.parse(stdout);
  });

  it("prints its head and its options", () => {
    const helps = starts.filter(({ args }) => args[0] === "--help");
    expect(helps.length).toBeGreaterThanOrEqual(28);
    for (const { benchmark, code, stdout } of helps) {
      const [first = ""] = readFileSync(join(PROJECT, "bench", `${benchmark}.ts`), "utf8").split("\n");
      expect(stdout).toContain(`${first.slice("// ".length)}\n`);
      expect(stdout).toContain(`Usage: npm run bench -- ${benchmark} [options]\n\nOptions:\n  --`);
      expect(code).toBe(0);
    }
  });

  it("is listed", () => {
    const { stdout } = run(join(PROJECT, "scripts/bench.ts"));
    const listed = Array.from(stdout.matchAll(/^│ ([a-z-]+) +│/gm), ([, name]) => name);
    expect(listed.filter((name) => name !== "benchmark").sort()).toEqual([
      ...new Set(starts.map((of) => of.benchmark)),
    ]);
  });

  it("refuses in one line what is none of its options, and numbers that are wrong", () => {
    const refused = starts.filter(({ args }) => args[0] !== "--help");
    expect(refused.length).toBeGreaterThan(150);
    const wrong = refused.filter(({ args: [, value], code, stdout, stderr }) => {
      const expected = value ? `got ${value}, expected an? (integer|number) of` : `(unknown|required) option '`;
      return code !== 2 || stdout !== "" || !new RegExp(`^error: .*${expected}.*\\n$`).test(stderr);
    });
    expect(wrong).toEqual([]);
  });

  it("has left nothing behind", () => {
    expect(readdirSync(temporary)).toEqual([]);
  });
});

function run(script: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}
