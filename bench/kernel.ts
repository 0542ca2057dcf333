// The scoring kernel against the machine's limit and against its peers, one thread each, in one run: µs a record of the
// whole forward pass, from row numbers to logits and scores. Prints; gates nothing but that all compute the same.
//   node bench/kernel.ts [--quick] [--json FILE]
import { parseArgs } from "node:util";
import type { KernelVariant } from "../format/kernel.ts";
import { toJson, writeWhole } from "../trainer/files.ts";
import { agreement } from "./kernel/agree.ts";
import { benchCase, SHAPES } from "./kernel/cases.ts";
import type { Contestant } from "./kernel/contestant.ts";
import { onnxContestants } from "./kernel/onnxruntime.ts";
import { kernelContestant } from "./kernel/ours.ts";
import { HOW_TO_GET_PEERS, loadPeers } from "./kernel/peers.ts";
import { type Micros, race } from "./kernel/race.ts";
import { leastMicros, type Result, resultOf, resultTable } from "./kernel/results.ts";
import { measureRoofline } from "./kernel/roofline.ts";
import { startTfjs, tfjsContestant } from "./kernel/tfjs.ts";
import { Workerd } from "./kernel/workerd.ts";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "string" } } });
const BATCHES = options.quick ? [1, 64] : [1, 16, 64, 256, 1024];
const ROUNDS = options.quick ? 5 : 11;
const VARIANTS: KernelVariant[] = options.quick ? ["relaxed"] : ["relaxed", "simd", "scalar"];
const TYPES = ["int8", "f32"] as const;

const roofline = measureRoofline();
const giga = (rate: number): string => (rate / 1e9).toFixed(1);
console.log(
  `one thread, Node ${process.version}, V8 ${process.versions.v8}; at most ${giga(roofline.dots)} GMAC/s int8, ` +
    `${giga(roofline.madds)} GMAC/s f32, ${giga(roofline.bytes)} GB/s`,
);
const peers = await loadPeers();
if (!peers) console.log(`without onnxruntime; to install it: ${HOW_TO_GET_PEERS}`);
await startTfjs();

const workerd = await Workerd.start();

const results: Result[] = [];
for (const shape of options.quick ? SHAPES.slice(0, 1) : SHAPES) {
  const one = benchCase(shape);
  const ours = TYPES.flatMap((type) =>
    VARIANTS.map((variant) => ({ type, contestant: kernelContestant(one, variant, type) })),
  );
  const others: Contestant[] = [...(peers ? await onnxContestants(peers, one) : []), tfjsContestant(one)];
  const reference = ours.find(({ type }) => type === "f32") as (typeof ours)[number];
  const all = [...ours.map(({ contestant }) => contestant), ...others];
  const agreed = await agreement(reference.contestant, [...all, ...TYPES.map((type) => workerd.contestant(one, type))]);
  console.log(`\n${one.name}, |Δlogit| / σ to f32 at most:`);
  console.log(agreed.map(({ name, worst }) => `${name} ${worst.toExponential(0)}`).join(", "));

  const of: Result[] = [];
  const theirs = new Map<number, Micros>();
  for (const batch of BATCHES) {
    const micros = await race(all, batch, ROUNDS);
    theirs.set(batch, new Map([...micros].filter(([name]) => others.some((other) => other.name === name))));
    for (const { type, contestant } of ours) {
      const place = { case: `${one.name} ${contestant.name}`, runtime: `node ${process.versions.node}`, batch };
      const us = micros.get(contestant.name) ?? Number.NaN;
      of.push(resultOf(place, us, leastMicros(one, type, roofline), theirs.get(batch) ?? new Map()));
    }
  }
  for (const type of TYPES) {
    await workerd.load(one, type);
    for (const batch of BATCHES) {
      const place = { case: `${one.name} ${type} relaxed`, runtime: "workerd", batch };
      const us = await workerd.micros(one, batch, ROUNDS);
      of.push(resultOf(place, us, leastMicros(one, type, roofline), theirs.get(batch) ?? new Map()));
    }
  }
  console.log(resultTable(of));
  results.push(...of);
  for (const contestant of all) await contestant.close();
}
await workerd.stop();
if (options.json) writeWhole(options.json, toJson({ results }));
