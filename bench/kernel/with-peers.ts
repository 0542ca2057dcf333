// Our kernel against the machine's limit and against its peers, in turns in one process.
import { agreement } from "./agree.ts";
import * as cases from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { caseOf, entrantsOf } from "./entrants.ts";
import { onnxContestants } from "./onnxruntime.ts";
import * as kernel from "./ours.ts";
import { HOW_TO_GET_PEERS, loadPeers, type Peers } from "./peers.ts";
import { formText, type Heat, heats, racesAt } from "./plan.ts";
import { race, timesOf } from "./race.ts";
import * as requests from "./requests.ts";
import { type Result, resultOf, resultTable } from "./results.ts";
import { Roofline } from "./roofline.ts";
import { startTfjs, tfjsContestant } from "./tfjs.ts";
import { Workerd } from "./workerd.ts";

const ROUNDS = 9;
const QUICK_ROUNDS = 5;

/** Races all of `heats(quick)` and prints the results. */
export async function raceWithPeers(quick: boolean): Promise<Result[]> {
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
  try {
    const results: Result[] = [];
    for (const heat of heats(quick)) {
      results.push(...(await raceHeat(heat, quick ? QUICK_ROUNDS : ROUNDS, workerd, roofline, peers)));
    }
    return results;
  } finally {
    await workerd.stop();
  }
}

async function raceHeat(
  { forms, batches, ...heat }: Heat,
  rounds: number,
  workerd: Workerd,
  roofline: Roofline,
  peers: Peers | null,
): Promise<Result[]> {
  const checkout = { cases, kernel, requests };
  const one = caseOf(checkout, heat);
  const entrants = await entrantsOf(checkout, one, forms, workerd);
  const others: Contestant[] = [...(peers ? await onnxContestants(peers, one) : []), tfjsContestant(one)];
  const contestants = [...entrants.map(({ contestant }) => contestant), ...others];
  const agreed = await agreement(kernel.kernelContestant(one, "relaxed", "f32"), contestants);
  console.log(`\n${one.name}, |Δlogit| / σ to f32 at most:`);
  console.log(agreed.map(({ name, worst }) => `${name} ${worst.toExponential(0)}`).join(", "));

  const limits = { int8: roofline.contestant(one, "int8"), f32: roofline.contestant(one, "f32") };
  const results: Result[] = [];
  for (const batch of batches) {
    const racing = entrants.filter(({ form }) => racesAt(batch, form));
    const raced = [...racing.map(({ contestant }) => contestant), ...others, limits.int8, limits.f32];
    const times = await race(raced, batch, rounds);
    for (const { contestant, runtime, form } of racing) {
      const place = { case: `${one.name} ${formText(form)}`, runtime, batch };
      const limit = timesOf(times, limits[form.precision]);
      const theirs = others.map((other) => ({ name: other.name, times: timesOf(times, other) }));
      results.push(resultOf(place, timesOf(times, contestant), limit, theirs));
    }
  }
  console.log(resultTable(results));
  for (const contestant of contestants) await contestant.close();
  await workerd.clear();
  return results;
}
