// The checks of an installation, in a process of their own: what is wrong with a library may end the process. Each check
// is a line of JSON on stdout; TensorFlow's own words are on stderr.
import { writeSync } from "node:fs";
import { startBackend } from "../engine/backend.ts";
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

const backend = await startBackend(name);
say(checkVersion(backend));
say(checkDevice(backend, device === "gpu" ? "gpu" : "cpu"));
for (const check of [checkProduct, checkGradient, checkMemory]) say(check());
if (scope === "all") {
  say(measureProduct());
  await runModelChecks(name, say);
}
