// `npm test`: every test of every runner, its coverage, and one closing line. Arguments go to vitest.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
}

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-test-"));
const file = join(folder, "report.json");
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
const { status } = spawnSync(process.execPath, [vitest, "run", "--coverage", ...reporters, ...process.argv.slice(2)], {
  stdio: "inherit",
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
});

let report: Report | null = null;
try {
  report = JSON.parse(readFileSync(file, "utf8"));
} catch {
  console.error("vitest left no report");
}
rmSync(folder, { recursive: true });

const passed = report?.numPassedTests ?? 0;
// A file that fails to load runs no test and yet is a failure.
const failed =
  (report?.numFailedTests ?? 0) || (status === 0 && report ? 0 : Math.max(1, report?.numFailedTestSuites ?? 1));
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
