// onnxruntime-node and onnxruntime-web on a case's model, one thread each.
import type { BenchCase } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { writeOnnx } from "./onnx.ts";
import type { Peers } from "./peers.ts";

const SESSION = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
};

/** Four contestants: each package with the float32 model, and with the int8 model that quantize_dynamic makes of it. */
export async function onnxContestants(peers: Peers, { models, rows, fields }: BenchCase): Promise<Contestant[]> {
  const ids = BigInt64Array.from(rows, BigInt);
  const contestants: Contestant[] = [];
  for (const int8 of [false, true]) {
    const onnx = writeOnnx(peers.protobuf, models.f32, int8);
    for (const [name, runtime, provider] of [
      ["onnxruntime-node", peers.node, "cpu"],
      ["onnxruntime-web", peers.web, "wasm"],
    ] as const) {
      const session = await runtime.InferenceSession.create(onnx, { ...SESSION, executionProviders: [provider] });
      contestants.push({
        name: `${name}-${int8 ? "int8" : "f32"}`,
        async score(first, records, logits) {
          const part = ids.subarray(first * fields, (first + records) * fields);
          const { logit } = await session.run({ rows: new runtime.Tensor("int64", part, [records, fields]) });
          if (!logit) throw new Error(`${name} returned no logit`);
          logits.set(logit.data);
        },
        close: () => session.release(),
      });
    }
  }
  return contestants;
}
