import { realpathSync } from "node:fs";
import { createRequire, type RegisterHooksOptions, registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ADDON, type Build, type Install } from "../native/installs.ts";
import * as tf from "./tfjs.ts";

// tfjs-node's addon and kernels, from an installation. The package's own loader is left out: it looks for a library
// that its install script downloads.

/** The members of tfjs-node 4.22.0's `NodeJSKernelBackend` that are used here. */
export interface NativeBackend extends tf.KernelBackend {
  /** Whether the library has found a GPU. The GPU's build computes on the CPU where it has not, without a word. */
  isUsingGpuDevice: boolean;
  binding: { TF_Version: string };
}

interface BackendModule {
  NodeJSKernelBackend: new (binding: object, packageName: string) => NativeBackend;
}

/** What tfjs-node's kernels register themselves for. */
export const NATIVE = "tensorflow";

/**
 * What the library reads when it starts, unless the user has set it: a GPU's memory is taken as it is needed, and not
 * all at once; its products are of float32, and not of TF32, which has ten bits of mantissa; and only what goes wrong
 * is printed.
 */
const VARIABLES = { TF_FORCE_GPU_ALLOW_GROWTH: "true", NVIDIA_TF32_OVERRIDE: "0", TF_CPP_MIN_LOG_LEVEL: "2" };

/** Variables that change the numbers: what they are belongs to a result. */
const NUMERIC = ["TF_ENABLE_ONEDNN_OPTS", "NVIDIA_TF32_OVERRIDE"] as const;

/** Loads an installation's library, and registers it with TensorFlow.js. A process can do so once. */
export function loadTfjsNode(install: Install, build: Build): NativeBackend {
  const folder = realpathSync(install.folder); // as Node names the files in it
  for (const [name, value] of Object.entries(VARIABLES)) process.env[name] ??= value;
  const require = createRequire(import.meta.url);
  // tfjs-node 4.22 calls two functions of node:util that Node 23 removed, and that warn before.
  const util = require("node:util");
  util.isNullOrUndefined = (x: unknown) => x === null || x === undefined;
  util.isArray = Array.isArray;

  const addon = require(join(folder, ADDON));
  const hooks = registerHooks(hooksOf(folder, require));
  try {
    const dist = join(folder, "tfjs-node", "dist");
    const { NodeJSKernelBackend } = require(join(dist, "nodejs_kernel_backend.js")) as BackendModule;
    require(join(dist, "register_all_kernels.js"));
    const backend = new NodeJSKernelBackend(addon, `@tensorflow/tfjs-node${build === "gpu" ? "-gpu" : ""}`);
    tf.registerBackend(NATIVE, () => backend);
    return backend;
  } finally {
    hooks.deregister();
  }
}

/** The variables that change the numbers, as the library has read them; null for its own choice. */
export function numericVariables(): Record<string, string | null> {
  return Object.fromEntries(NUMERIC.map((name) => [name, process.env[name] ?? null]));
}

/**
 * tfjs-node asks for @tensorflow/tfjs, of which it uses what tfjs-core has. Its protocol buffers, for TensorBoard and
 * saved models, want another package and are not used here.
 */
function hooksOf(folder: string, require: NodeJS.Require): RegisterHooksOptions {
  const inside = pathToFileURL(join(folder, "tfjs-node", "/")).href;
  const core = pathToFileURL(require.resolve("@tensorflow/tfjs-core")).href;
  return {
    resolve(specifier, context, next) {
      if (/^@tensorflow\/tfjs(-core)?$/.test(specifier) && context.parentURL?.startsWith(inside))
        return { url: core, format: "commonjs", shortCircuit: true };
      return next(specifier, context);
    },
    load(url, context, next) {
      if (url.startsWith(inside) && url.endsWith("/proto/api_pb.js"))
        return { format: "commonjs", source: "", shortCircuit: true };
      return next(url, context);
    },
  };
}
