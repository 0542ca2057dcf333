// How native backends are chosen, with stubs in place of TensorFlow's library: an installation whose addon and kernels
// are the cpu backend's. What the library itself computes, the tests on DEEPFM_EDGE_BACKEND=tfjs-node show. A process
// loads a library once, so that each case is a process of its own.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { ADDON, BUILDS, installFolder, manifestPath, newManifest } from "../../../trainer/native/installs.ts";
import { LOG, runCommand, SPEC } from "../../cli/cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-native-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Stub = "gpu" | "no gpu" | "broken" | "damaged" | "absent";

const CPU_BACKEND = JSON.stringify(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-cpu"));

const KERNELS = `
  const tf = require("@tensorflow/tfjs");
  require(${CPU_BACKEND});
  tf.copyRegisteredKernels("cpu", "tensorflow");`;
const BACKEND = `
  const { MathBackendCPU } = require(${CPU_BACKEND});
  exports.NodeJSKernelBackend = class extends MathBackendCPU {
    constructor(binding, packageName) {
      super();
      Object.assign(this, { binding, packageName, isUsingGpuDevice: binding.gpu && !process.env.CUDA_VISIBLE_DEVICES });
    }
  };`;

/** Reads a stub's addon, which is JSON, for `node --import`. */
const reader = join(folder, "reader.mjs");
writeFileSync(
  reader,
  `import { readFileSync } from "node:fs";
  import Module from "node:module";
  const load = Module._extensions[".node"];
  Module._extensions[".node"] = (module, path) => {
    if (!path.includes("deepfm-edge-native-")) return load(module, path);
    const { error, ...binding } = JSON.parse(readFileSync(path, "utf8"));
    if (error) throw new Error(error);
    module.exports = binding;
  };`,
);
const IMPORT = pathToFileURL(reader).href;

/** The environment of a process that has these installations. */
function stubs(gpuBuild: Stub, cpuBuild: Stub): NodeJS.ProcessEnv {
  const root = join(folder, `${gpuBuild}-${cpuBuild}`.replaceAll(" ", "-"));
  for (const build of BUILDS) {
    const stub = build === "gpu" ? gpuBuild : cpuBuild;
    if (stub === "absent") continue;
    const place = installFolder(build, root);
    const dist = join(place, "tfjs-node", "dist");
    mkdirSync(dist, { recursive: true });
    writeFileSync(join(dist, "register_all_kernels.js"), KERNELS);
    writeFileSync(join(dist, "nodejs_kernel_backend.js"), BACKEND);
    const error = stub === "broken" ? "libtensorflow_cc.so.2: cannot open shared object file" : undefined;
    const addon = JSON.stringify({ TF_Version: "2.20.0", gpu: stub === "gpu", error });
    writeFileSync(join(place, ADDON), addon);
    const files = [{ path: ADDON, bytes: addon.length + (stub === "damaged" ? 1 : 0) }];
    writeFileSync(manifestPath(place), JSON.stringify(newManifest(build, "none", files)));
  }
  return { DEEPFM_EDGE_NATIVE: root };
}

interface Started {
  results: ({ name: string; device: string; threads: number | null; versions: object } | { error: string })[];
  stderr: string;
}

/** Starts the backends that are asked for, one after the other, in one process. */
async function start(
  native: NodeJS.ProcessEnv,
  asked: (string | null)[],
  more: NodeJS.ProcessEnv = {},
): Promise<Started> {
  const script = `
    import { startBackend } from "./trainer/engine/backend.ts";
    const results = [];
    for (const asked of ${JSON.stringify(asked)})
      results.push(await startBackend(asked ?? undefined).catch(({ name, message }) => ({ error: name + ": " + message })));
    console.log(JSON.stringify(results));`;
  const args = ["--import", IMPORT, "--input-type=module", "--eval", script];
  const env = { ...process.env, ...native, ...more };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env });
  return { results: JSON.parse(stdout), stderr };
}

const NO_GPU =
  "backend tfjs-node-gpu is not available here: got no GPU: TensorFlow 2.20.0 found none that it can use, or not its " +
  "CUDA libraries; expected one; npx deepfm-edge native test --gpu says why, and --backend tfjs-node or wasm computes " +
  "on the CPU";
const VERSIONS = { tensorflow: "2.20.0" };
const VARIABLES = { TF_ENABLE_ONEDNN_OPTS: null, NVIDIA_TF32_OVERRIDE: "0" };
const TFJS_NODE = { ...VERSIONS, "@tensorflow/tfjs-node": "4.22.0" };

describe("the GPU's build", () => {
  it("is refused where there is no GPU, each time that it is asked for; then it computes on the CPU", async () => {
    const { results } = await start(stubs("no gpu", "no gpu"), ["tfjs-node-gpu", "tfjs-node-gpu", "tfjs-node"], {
      TF_NUM_INTRAOP_THREADS: "3",
      TF_ENABLE_ONEDNN_OPTS: "0",
    });
    const variables = { ...VARIABLES, TF_ENABLE_ONEDNN_OPTS: "0" };
    expect(results).toEqual([
      { error: `UserError: ${NO_GPU}` },
      { error: `UserError: ${NO_GPU}` },
      { name: "tfjs-node", device: "cpu", threads: 3, versions: TFJS_NODE, variables },
    ]);
  });

  it("gives way to the next one where none is asked for", async () => {
    const { results, stderr } = await start(stubs("no gpu", "no gpu"), [null]);
    expect(results).toMatchObject([{ name: "tfjs-node", device: "cpu", threads: availableParallelism() }]);
    expect(stderr).toContain(NO_GPU);
    expect(stderr).not.toContain("already registered");
  });

  it("computes on the CPU where the CPU's is not installed, and then on no GPU", async () => {
    const { results } = await start(stubs("gpu", "absent"), ["tfjs-node", "tfjs-node-gpu"]);
    expect(results).toMatchObject([
      { name: "tfjs-node", device: "cpu", versions: TFJS_NODE },
      { error: expect.stringContaining("this process computes with tfjs-node already") },
    ]);
  });

  it("computes on the GPU where there is one, and is not taken for the other", async () => {
    const { results } = await start(stubs("gpu", "no gpu"), [null, "wasm", "tfjs-node-gpu", "tfjs-node", "cpu"]);
    const versions = { "@tensorflow/tfjs-node-gpu": "4.22.0", ...VERSIONS };
    const gpu = { name: "tfjs-node-gpu", device: "gpu", threads: null, versions, variables: VARIABLES };
    const refused = { error: expect.stringContaining("this process computes with tfjs-node-gpu already") };
    expect(results).toMatchObject([gpu, { name: "wasm" }, gpu, refused, { name: "cpu" }]);
  });
});

it("what is not installed is passed over without a word, and refused by name with the command that installs it", async () => {
  const { results, stderr } = await start(stubs("absent", "absent"), [null, "tfjs-node", "tfjs-node-gpu"]);
  expect(stderr).toBe("");
  expect(results).toMatchObject([
    { name: "wasm", device: "cpu", threads: 1, versions: { "@tensorflow/tfjs-backend-wasm": "4.22.0" } },
    { error: expect.stringMatching(/: to install it: npx deepfm-edge native install$/) },
    { error: expect.stringMatching(/: to install it: npx deepfm-edge native install --gpu$/) },
  ]);
});

it("a library that does not load is refused by name, and passed over with a word where none is asked for", async () => {
  const { results, stderr } = await start(stubs("broken", "absent"), ["tfjs-node-gpu", null]);
  const problem = "backend tfjs-node-gpu is not available here: libtensorflow_cc.so.2: cannot open shared object file";
  expect(results).toMatchObject([{ error: `UserError: ${problem}` }, { name: "wasm" }]);
  expect(stderr).toContain(problem);
});

it("a damaged installation is refused with the file that is not as it was", async () => {
  const native = stubs("absent", "damaged");
  const { results } = await start(native, ["tfjs-node"]);
  const path = join(installFolder("cpu", native.DEEPFM_EDGE_NATIVE), ADDON);
  const bytes = readFileSync(path).length;
  const advice = "npx deepfm-edge native remove, and then native install";
  const error = `${path}: got ${bytes} bytes, expected ${bytes + 1}: ${advice}`;
  expect(results).toEqual([{ error: `UserError: backend tfjs-node is not available here: ${error}` }]);
});

describe("the command line", () => {
  writeFileSync(join(folder, "spec.json"), JSON.stringify(SPEC));
  writeFileSync(join(folder, "log.csv"), LOG);
  const logs = ["--train", "log.csv", "--valid", "log.csv"];
  const withStubs = (gpuBuild: Stub, cpuBuild: Stub) => ({
    ...stubs(gpuBuild, cpuBuild),
    NODE_OPTIONS: `--import ${IMPORT}`,
  });
  const record = (run: string) => JSON.parse(readFileSync(join(folder, run, "run.json"), "utf8"));

  it("records what computed; the export does so on the run's backend, or says which takes its place", async () => {
    const native = withStubs("no gpu", "no gpu");
    const args = ["train", "spec.json", ...logs, "--out", "run", "--engine", "tfjs"];
    const trained = await runCommand(folder, args, native);
    expect(trained.stderr).toContain("TensorFlow.js backend: tfjs-node TensorFlow 2.20.0 (");
    expect(trained.code).toBe(0);
    expect(record("run")).toMatchObject({
      backend: "tfjs-node",
      device: "cpu",
      threads: availableParallelism(),
      versions: TFJS_NODE,
      variables: VARIABLES,
    });

    const exported = await runCommand(folder, ["export", "run"], stubs("absent", "absent"));
    expect(exported.stderr).toContain(
      "warning: the run was trained on another backend: backend tfjs-node is not available here: to install it: " +
        "npx deepfm-edge native install; wasm 4.22.0 (1 thread) takes its place",
    );
    expect(exported.code).toBe(0);
    const { evidence } = JSON.parse((await runCommand(folder, ["inspect", "run/export", "--json"])).stdout);
    const { validLog, valid, ...provenance } = record("run");
    expect(evidence.provenance).toEqual(provenance);
  });

  it("refuses a GPU that is not there in one line", async () => {
    const args = ["train", "spec.json", ...logs, "--out", "none", "--backend", "tfjs-node-gpu"];
    const { code, stderr } = await runCommand(folder, args, withStubs("no gpu", "no gpu"));
    expect(stderr).toContain(`error: ${NO_GPU}\n`);
    expect(code).toBe(1);
  });
});
