// The checks of an installation, in a process of their own: what is wrong with a library may end the process. Each
// check is a line of JSON on stdout; TensorFlow's own words are on stderr.
import { writeSync } from "node:fs";
import { inspect } from "node:util";
import { startBackend } from "../engine/backend.ts";
import { UserError } from "../errors.ts";
import {
  type Check,
  checkDevice,
  checkGradient,
  checkMemory,
  checkProduct,
  checkVersion,
  measureProduct,
} from "./basic-checks.ts";
import { runModelChecks } from "./model-checks.ts";

const [device, scope] = process.argv.slice(2);
const name = device === "gpu" ? "tfjs-node-gpu" : "tfjs-node";
const say = (check: Check): void => void writeSync(1, `${JSON.stringify(check)}\n`);

async function checkAll(): Promise<void> {
  const backend = await startBackend(name);
  say(checkVersion(backend));
  say(checkDevice(backend, device === "gpu" ? "gpu" : "cpu"));
  for (const check of [checkProduct, checkGradient, checkMemory]) say(check());
  if (scope !== "all") return;
  say(measureProduct());
  await runModelChecks(name, say);
}

try {
  await checkAll();
} catch (error) {
  const figure = error instanceof UserError ? error.message : inspect(error);
  say({ name: "start", passed: false, figure });
}
