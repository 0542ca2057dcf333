// `npm test`: every test of every runner, the slowest files, and one closing line. `npm run test:quick` (--quick)
// leaves out the slow kinds of tests, which vitest.config.ts names. Other arguments go to vitest, such as --coverage.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Without it vitest leaves a core idle, half of a machine that has two. */
const ALL_CORES = "--maxWorkers=100%";
/** A quick run loads each module once for all files, which halves its time. A full run keeps files apart. */
const QUICK = ["--mode", "quick", "--no-isolate", ALL_CORES];
const FULL = [ALL_CORES];

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

/** Runs vitest to its end; its exit status, and its report, which is null where it left none. */
function runVitest(args: readonly string[]): { status: number | null; report: Report | null } {
  const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-test-"));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const { status } = spawnSync(process.execPath, [vitest, "run", ...reporters, ...args], {
    stdio: "inherit",
    cwd: ROOT,
    // The tests start some hundred processes, which share what V8 has compiled.
    env: { ...process.env, ...QUIET, NODE_COMPILE_CACHE: join(ROOT, "node_modules", ".cache", "compile") },
  });
  try {
    return { status, report: JSON.parse(readFileSync(file, "utf8")) };
  } catch {
    console.error("vitest left no report");
    return { status, report: null };
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
const { status, report } = runVitest([...own, ...args.filter((argument) => argument !== "--quick")]);
if (report && !quick) console.log(slowest(report));

const passed = report?.numPassedTests ?? 0;
// A file that fails to load runs no test and yet is a failure.
const failed =
  (report?.numFailedTests ?? 0) || (status === 0 && report ? 0 : Math.max(1, report?.numFailedTestSuites ?? 1));
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
