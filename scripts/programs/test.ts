// `npm test`: every test of every runner, the slowest files, and one closing line. `npm run test:quick` (--quick)
// leaves out the slow kinds of tests, which vitest.config.ts names. Other arguments go to vitest, such as --coverage.
// A token in anything that is printed fails the run, beside the tests' own check (test/no-tokens.ts).
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { runScanned } from "../../testing/scanned-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Without it vitest leaves a core idle, half of a machine that has two. */
const ALL_CORES = "--maxWorkers=100%";
const FULL = [ALL_CORES];
const QUICK = ["--mode", "quick", ALL_CORES];

const QUIET = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };

/** How many files `npm test` names. */
const SLOWEST = 10;

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { name: string; startTime: number; endTime: number }[];
}

interface Run {
  status: number | null;
  /** Null where vitest left none. */
  report: Report | null;
  /** What was printed before each token. */
  tokens: string[];
}

/** Runs vitest to its end. */
async function runVitest(args: readonly string[]): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-test-"));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  // vitest prints to a pipe, and so would leave out the colors of a terminal.
  const colors = process.stdout.isTTY ? ["--color"] : [];
  const { stdout, stderr } = process;
  const { status, tokens } = await runScanned(process.execPath, [vitest, "run", ...colors, ...reporters, ...args], {
    ...{ stdout, stderr, cwd: ROOT },
    // The tests start some hundred processes, which share what V8 has compiled.
    env: { ...process.env, ...QUIET, NODE_COMPILE_CACHE: join(ROOT, "node_modules", ".cache", "compile") },
  });
  try {
    return { status, tokens, report: JSON.parse(readFileSync(file, "utf8")) };
  } catch {
    console.error("vitest left no report");
    return { status, tokens, report: null };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A line for each of the files whose tests took longest. */
function slowest({ testResults }: Report): string {
  const files = testResults.map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }));
  files.sort((a, b) => b.seconds - a.seconds);
  const lines = files
    .slice(0, SLOWEST)
    .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${relative(ROOT, name)}`);
  return ["Slowest test files:", ...lines].join("\n");
}

const args = process.argv.slice(2);
const quick = args.includes("--quick");
const own = quick ? QUICK : FULL;
const { status, report, tokens } = await runVitest([...own, ...args.filter((argument) => argument !== "--quick")]);
if (report && !quick) console.log(slowest(report));

const passed = report?.numPassedTests ?? 0;
// A file that fails to load runs no test and yet is a failure.
const failed =
  (report?.numFailedTests ?? 0) || (status === 0 && report ? 0 : Math.max(1, report?.numFailedTestSuites ?? 1));
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
for (const context of tokens) console.error(`a token was printed: ${JSON.stringify(context)}`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 && tokens.length === 0 ? 0 : 1;
