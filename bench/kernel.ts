// The scoring kernel against the machine's limit and against its peers, one thread each, in one run: µs a record of the
// whole forward pass, from row numbers to logits and scores. Prints; gates nothing but that all compute the same.
//   node bench/kernel.ts [--quick] [--json FILE]
import { parseArgs } from "node:util";
import type { KernelVariant } from "../runtime/variant.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { agreement } from "./kernel/agree.ts";
import { type BenchCase, benchCase, SHAPES, withOneContext } from "./kernel/cases.ts";
import { type Contestant, type Way, wayText } from "./kernel/contestant.ts";
import { onnxContestants } from "./kernel/onnxruntime.ts";
import { kernelContestant } from "./kernel/ours.ts";
import { HOW_TO_GET_PEERS, loadPeers } from "./kernel/peers.ts";
import { race } from "./kernel/race.ts";
import { requestContestant } from "./kernel/requests.ts";
import { type Result, resultOf, resultTable } from "./kernel/results.ts";
import { Roofline } from "./kernel/roofline.ts";
import { startTfjs, tfjsContestant } from "./kernel/tfjs.ts";
import { Workerd } from "./kernel/workerd.ts";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, json: { type: "string" } } });
const BATCHES = options.quick ? [1, 64] : [1, 16, 64, 256, 1024];
const ROUNDS = options.quick ? 5 : 9;
const VARIANTS: KernelVariant[] = options.quick ? ["relaxed"] : ["relaxed", "simd", "scalar"];
const TYPES = ["int8", "f32"] as const;
const WAYS: readonly Way[] = ["whole", "context once", "catalogue"];
/** In larger ones the scalar kernel takes seconds and says nothing new. */
const MAX_SCALAR_BATCH = 64;
const [RANKED_SHAPE] = SHAPES;
const CANDIDATES = options.quick ? [500] : [100, 500, 2000];

interface Ours {
  type: (typeof TYPES)[number];
  variant: KernelVariant;
  way: Way;
  /** Whether from raw records, by `Scorer`. */
  raw?: boolean;
}

const roofline = new Roofline();
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
try {
  for (const shape of options.quick ? SHAPES.slice(0, 1) : SHAPES) {
    const one = benchCase(shape);
    const ours = TYPES.flatMap((type) => VARIANTS.map((variant) => ({ type, variant, way: "whole" as const })));
    await measure(one, ours, BATCHES);
    if (shape !== RANKED_SHAPE) continue;
    const ranked = TYPES.flatMap((type) =>
      [false, true].flatMap((raw) => WAYS.map((way) => ({ type, variant: "relaxed" as const, way, raw }))),
    );
    await measure(withOneContext(one), ranked, CANDIDATES);
  }
} finally {
  await workerd.stop();
}
if (options.json) writeWhole(options.json, toJson({ results }));

interface Entrant extends Ours {
  contestant: Contestant;
  runtime: string;
}

function textOf({ type, variant, way, raw }: Ours): string {
  return `${type} ${variant}${raw ? ", raw records" : ""}${wayText(way)}`;
}

/** Races ours and all others on a case, prints and keeps the results. */
async function measure(one: BenchCase, ours: readonly Ours[], batches: readonly number[]): Promise<void> {
  const entrants = ours.map(
    (own): Entrant => ({
      ...own,
      contestant: own.raw
        ? requestContestant(one, own.type, own.way)
        : kernelContestant(one, own.variant, own.type, own.way),
      runtime: `node ${process.versions.node}`,
    }),
  );
  for (const own of ours.filter(({ variant, raw }) => variant === "relaxed" && !raw)) {
    const contestant = await workerd.contestant(one, own.type, own.way);
    entrants.push({ ...own, contestant, runtime: "workerd" });
  }
  const others: Contestant[] = [...(peers ? await onnxContestants(peers, one) : []), tfjsContestant(one)];
  const names = others.map(({ name }) => name);
  const all = [...entrants.map(({ contestant }) => contestant), ...others];
  const agreed = await agreement(kernelContestant(one, "relaxed", "f32"), all);
  console.log(`\n${one.name}, |Δlogit| / σ to f32 at most:`);
  console.log(agreed.map(({ name, worst }) => `${name} ${worst.toExponential(0)}`).join(", "));

  const own: Result[] = [];
  for (const batch of batches) {
    const running = entrants.filter(({ variant }) => variant !== "scalar" || batch <= MAX_SCALAR_BATCH);
    const rooflines = TYPES.map((type) => roofline.contestant(one, type));
    const rounds = await race([...running.map(({ contestant }) => contestant), ...others, ...rooflines], batch, ROUNDS);
    for (const { contestant, runtime, ...what } of running) {
      const place = { case: `${one.name} ${textOf(what)}`, runtime, batch };
      own.push(resultOf(place, contestant.name, what.type, rounds, names));
    }
  }
  console.log(resultTable(own));
  results.push(...own);
  for (const contestant of all) await contestant.close();
  await workerd.clear();
}
