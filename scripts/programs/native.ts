// `npm run native` checks the native backend from nothing: TensorFlow is installed in a folder of its own, by
// installations that are killed at each step and one that ends; then the trainer's tests and `npm start` run on it. A
// machine that cannot install it is told so, and nothing is wrong. With --short it leaves out what takes longest.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { killInstall, STEPS, startInstall, wrongInstall } from "../../testing/native/killed-install.ts";
import { askLoader } from "../../testing/native/loader.ts";
import { UserError } from "../../trainer/errors.ts";
import { planInstall } from "../../trainer/native/install.ts";
import { installFolder, readInstall } from "../../trainer/native/installs.ts";
import { type Program, runProgram } from "../../trainer/native/programs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Tests that compute on DEEPFM_EDGE_BACKEND. */
const TESTS = ["test/trainer/model/gradients.test.ts", "test/trainer/model/learner.test.ts"];
const LONG_TESTS = ["test/runtime/scorers.test.ts", "test/trainer/export", "test/whole-path.test.ts"];

/** Clients give up soon where no registry is reached: that is said, and is no fault. */
const IMPATIENT = { PIP_DEFAULT_TIMEOUT: "15", PIP_RETRIES: "1" };
const NOT_REACHED = /was not reached|has it no longer/;

let looked = performance.now();

/** Says what was looked at, with which result, and how long it took. */
function say(what: string, wrong: readonly string[]): void {
  const seconds = ((performance.now() - looked) / 1000).toFixed(1);
  looked = performance.now();
  console.log(`${wrong.length === 0 ? "passed" : "FAILED"}  ${what} (${seconds} s)`);
  for (const line of wrong) console.log(`        ${line}`);
  if (wrong.length > 0) process.exitCode = 1;
}

async function checkInstalls(root: string): Promise<void> {
  for (const step of STEPS) {
    const atOnce: string[] = [];
    const wrong = await killInstall(root, step, async () => {
      if (step !== "compile") return;
      const second = startInstall(root);
      const code = await second.ended;
      if (code !== 1 || !second.printed().includes("another process is writing into"))
        atOnce.push(`got exit code ${code} and ${second.printed()}, expected a refusal`);
    });
    say(`an installation that is killed while it was to ${step} leaves nothing half done`, wrong);
    if (step === "compile") say("a second one at the same time is refused", atOnce);
  }
  const { ended, printed } = startInstall(root);
  const code = await ended;
  const again = /^fetching .*tensorflow-cpu/m.test(printed()) ? ["it fetched TensorFlow again"] : [];
  say("the next one goes on, and ends", code === 0 ? [...again, ...wrongInstall(root)] : [printed()]);
}

async function checkProgram(what: string, program: Program, expected = 0, words?: RegExp): Promise<void> {
  const { code, printed } = await runProgram(program, [], { cwd: ROOT });
  const right = code === expected && (words === undefined || words.test(printed));
  say(what, right ? [] : [`got exit code ${code}, expected ${expected}${words ? ` and ${words}` : ""}:\n${printed}`]);
}

async function checkLoader(): Promise<void> {
  const gpu = readInstall(installFolder("gpu"));
  if (gpu === null) {
    console.log("skipped: TensorFlow's loader of CUDA's libraries: the GPU's build is not installed");
    return;
  }
  const { stubs, notices, own, log } = await askLoader(gpu);
  say("TensorFlow opens libraries with the names of CUDA's seven", stubs ? [] : [log]);
  say("and notices where one is not there", notices ? [] : ["it opened all, one of which was not there"]);
  say("and opens NVIDIA's own", own ? [] : [log]);
}

async function check(short: boolean): Promise<void> {
  await checkLoader(); // of the user's installation
  const root = mkdtempSync(join(tmpdir(), "deepfm-edge-native-"));
  Object.assign(process.env, IMPATIENT, { DEEPFM_EDGE_NATIVE: root });
  try {
    await planInstall("cpu", false);
    await checkInstalls(root);
    const cli = [process.execPath, "cli/cli.ts"] as const;
    process.env.DEEPFM_EDGE_BACKEND = "tfjs-node";
    await checkProgram("native status", [...cli, "native", "status"], 0, /^cpu: TensorFlow 2\.20\.0/m);
    if (!short) await checkProgram("native test", [...cli, "native", "test"], 0, /all \d+ checks passed/);
    const vitest = join("node_modules", "vitest", "vitest.mjs");
    await checkProgram("the trainer's tests on tfjs-node", [
      process.execPath,
      vitest,
      "run",
      ...TESTS,
      ...(short ? [] : LONG_TESTS),
    ]);
    const out = join(root, "start");
    const start = [...cli, "start", "--backend", "tfjs-node", "--rows", "20000", "--exit", "--out", out] as const;
    await checkProgram("npm start -- --backend tfjs-node --exit", start, 0, /backend: tfjs-node TensorFlow 2\.20\.0/);
    const gpu = [...cli, "start", "--backend", "tfjs-node-gpu", "--exit", "--out", join(root, "none")] as const;
    const refusal = /backend tfjs-node-gpu is not available here/;
    await checkProgram("the GPU's backend is refused where it is not", gpu, 1, refusal);
    await checkProgram("native remove", [...cli, "native", "remove"], 0, /removed/);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (!(error instanceof UserError) && !NOT_REACHED.test(text)) throw error;
    console.log(`skipped: the native backend: ${text}`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

await check(process.argv.includes("--short"));
