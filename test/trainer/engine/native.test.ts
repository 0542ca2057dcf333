// Native backends, as stubs in place of libtensorflow: each is the package's interface over the cpu backend's kernels.
// A process loads a native package once, so that each case is a process of its own.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { LOG, runCommand, SPEC } from "../../cli/cli-process.ts";

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-native-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Stub = "gpu" | "no gpu" | "broken" | "absent";

/** A module that puts stubs in place of the native packages, for `node --import`. */
function stubs(gpuPackage: Stub, cpuPackage: Stub): string {
  const source = (gpu: Stub): string => {
    if (gpu === "broken") return 'throw new Error("libtensorflow.so.2: cannot open shared object file");';
    return `
      import * as tf from "@tensorflow/tfjs-core";
      import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
      export const version = { "tfjs-node": "4.22.0" };
      const made = () => Object.assign(new MathBackendCPU(), {
        isUsingGpuDevice: ${gpu === "gpu"},
        binding: { TF_Version: "2.9.1" },
      });
      if (!tf.registerBackend("tensorflow", made, 3)) throw new Error("another backend has the name tensorflow");
      tf.copyRegisteredKernels("cpu", "tensorflow");`;
  };
  const packages = { "@tensorflow/tfjs-node-gpu": gpuPackage, "@tensorflow/tfjs-node": cpuPackage };
  const present = Object.entries(packages).filter(([, stub]) => stub !== "absent");
  const sources = Object.fromEntries(present.map(([name, stub]) => [name, source(stub)]));
  const path = join(folder, `stubs-${gpuPackage}-${cpuPackage}.mjs`.replaceAll(" ", "-"));
  writeFileSync(
    path,
    `import { registerHooks } from "node:module";
    const sources = ${JSON.stringify(sources)};
    const parentURL = ${JSON.stringify(pathToFileURL(join(process.cwd(), "trainer/engine/backend.ts")).href)};
    registerHooks({
      resolve: (name, context, next) => {
        if (name in sources) return { url: \`stub:\${name}\`, format: "module", shortCircuit: true };
        return next(name, context.parentURL?.startsWith("stub:") ? { ...context, parentURL } : context);
      },
      load: (url, context, next) => {
        if (!url.startsWith("stub:")) return next(url, context);
        return { format: "module", source: sources[url.slice(5)], shortCircuit: true };
      },
    });`,
  );
  return pathToFileURL(path).href;
}

interface Started {
  results: ({ name: string; device: string; threads: number | null; versions: object } | { error: string })[];
  stderr: string;
}

/** Starts the backends that are asked for, one after the other, in one process. */
async function start(imported: string, asked: (string | null)[], env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const script = `
    import { startBackend } from "./trainer/engine/backend.ts";
    const results = [];
    for (const asked of ${JSON.stringify(asked)})
      results.push(await startBackend(asked ?? undefined).catch(({ name, message }) => ({ error: name + ": " + message })));
    console.log(JSON.stringify(results));`;
  const args = ["--import", imported, "--input-type=module", "--eval", script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } });
  return { results: JSON.parse(stdout), stderr };
}

const NO_GPU =
  "backend tfjs-node-gpu is not available here: got no GPU: libtensorflow 2.9.1 found none that it can use, " +
  "or not its CUDA libraries; expected one; --backend tfjs-node or wasm computes on the CPU";
const VERSIONS = { libtensorflow: "2.9.1" };

describe("the GPU's package", () => {
  it("is refused where there is no GPU, each time that it is asked for", async () => {
    const { results } = await start(stubs("no gpu", "no gpu"), ["tfjs-node-gpu", "tfjs-node-gpu", "tfjs-node"], {
      TF_NUM_INTRAOP_THREADS: "3",
    });
    expect(results).toEqual([
      { error: `UserError: ${NO_GPU}` },
      { error: `UserError: ${NO_GPU}` },
      {
        name: "tfjs-node",
        device: "cpu",
        threads: 3,
        versions: { "@tensorflow/tfjs-node": "4.22.0", ...VERSIONS },
      },
    ]);
  });

  it("gives way to the next one where none is asked for", async () => {
    const { results, stderr } = await start(stubs("no gpu", "no gpu"), [null]);
    expect(results).toMatchObject([{ name: "tfjs-node", device: "cpu", threads: availableParallelism() }]);
    expect(stderr).toContain(NO_GPU);
    expect(stderr).not.toContain("already registered");
  });

  it("gives way to wasm where no other is installed", async () => {
    const { results } = await start(stubs("no gpu", "absent"), [null, "tfjs-node"]);
    expect(results).toMatchObject([
      { name: "wasm", device: "cpu", threads: 1, versions: { "@tensorflow/tfjs-backend-wasm": "4.22.0" } },
      { error: expect.stringContaining("npm install --no-save @tensorflow/tfjs-node@4.22.0") },
    ]);
  });

  it("computes on the GPU where there is one, and is not taken for the other package", async () => {
    const { results } = await start(stubs("gpu", "absent"), [null, "wasm", "tfjs-node-gpu", "cpu"]);
    const gpu = { name: "tfjs-node-gpu", device: "gpu", threads: null };
    const versions = { "@tensorflow/tfjs-node-gpu": "4.22.0", ...VERSIONS };
    expect(results).toMatchObject([{ ...gpu, versions }, { name: "wasm" }, { ...gpu, versions }, { name: "cpu" }]);
  });
});

it("a library that does not load is refused by name, and passed over with a word where none is asked for", async () => {
  const { results, stderr } = await start(stubs("broken", "absent"), ["tfjs-node-gpu", null]);
  const problem = "backend tfjs-node-gpu is not available here: libtensorflow.so.2: cannot open shared object file";
  expect(results).toMatchObject([{ error: `UserError: ${problem}` }, { name: "wasm" }]);
  expect(stderr).toContain(problem);
});

describe("the command line", () => {
  writeFileSync(join(folder, "spec.json"), JSON.stringify(SPEC));
  writeFileSync(join(folder, "log.csv"), LOG);
  const logs = ["--train", "log.csv", "--valid", "log.csv"];
  const withStubs = (gpuPackage: Stub, cpuPackage: Stub) => ({
    NODE_OPTIONS: `--import ${stubs(gpuPackage, cpuPackage)}`,
  });
  const record = (run: string) => JSON.parse(readFileSync(join(folder, run, "run.json"), "utf8"));

  it("records what computed; the export does so on the run's backend, or says which takes its place", async () => {
    const trained = await runCommand(
      folder,
      ["train", "spec.json", ...logs, "--out", "run"],
      withStubs("no gpu", "no gpu"),
    );
    expect(trained.stderr).toContain("TensorFlow.js backend: tfjs-node 4.22.0 (");
    expect(trained.code).toBe(0);
    expect(record("run")).toMatchObject({
      backend: "tfjs-node",
      device: "cpu",
      threads: availableParallelism(),
      versions: { "@tensorflow/tfjs-node": "4.22.0", ...VERSIONS },
    });

    const exported = await runCommand(folder, ["export", "run"]);
    expect(exported.stderr).toContain(
      "warning: the run was trained on another backend: backend tfjs-node is not available here: to install it: " +
        "npm install --no-save @tensorflow/tfjs-node@4.22.0; wasm 4.22.0 (1 thread) takes its place",
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
