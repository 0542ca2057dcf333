// The engine in AssemblyScript where V8 joins its operations of 128 bits in pairs.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { hasFlag, widenOperations } from "../../../trainer/engine/assembly/wide.ts";

/** V8 optimizes what runs long; without its first compiler it does so at once. */
const JOINED = ["--experimental-wasm-revectorize", "--no-liftoff"];
/** Where V8 sees no AVX2 it joins nothing, whatever its flag. */
const NARROW = ["--no-enable-avx2"];

/** What a process writes, which must end well and write no errors. */
function run(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

it.runIf(hasFlag())("has the same bits, for every model, on one and on three threads", () => {
  const digests = (flags: readonly string[]): unknown =>
    JSON.parse(run([...flags, "test/trainer/engine/wide-digests.ts"]));
  expect(digests(JOINED)).toEqual(digests(NARROW));
});

describe("V8", () => {
  const SCRIPT = `
    import { widenOperations } from "./trainer/engine/assembly/wide.ts";
    console.log(widenOperations(), widenOperations());`;

  it.runIf(hasFlag())("is left as it is on a processor without AVX2", () => {
    expect(run([...NARROW, "--input-type=module-typescript", "--eval", SCRIPT])).toBe("false false\n");
  });

  it.runIf(widenOperations())("joins the operations of products, dense and by lists", () => {
    const flags = ["--no-wasm-lazy-compilation", "--single-threaded", "--trace-wasm-revectorize"];
    const script = 'new WebAssembly.Module(fs.readFileSync("build/train.relaxed.wasm"))';
    const trace = run([...JOINED, ...flags, "--eval", script]);
    const pairs = trace
      .split("Begin revec function")
      .map((text) => new Set(text.match(/Print 197: \[F32x4Qfma\]\(#\d+, #\d+\)/g)).size)
      .filter((count) => count > 0);
    // The accumulators of a tile are six pairs. Those of a list are four, in three loops, wherever they are inlined.
    expect(pairs).toContain(6);
    expect(pairs).toContain(12);
    expect(pairs.filter((count) => count !== 6 && count % 12 !== 0)).toEqual([]);
  });
});
