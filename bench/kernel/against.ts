// The kernel of this checkout against that of another one, in turns in one process.
import { type Comparison, compared, comparisonSummary, comparisonTable, importFrom } from "../checkout.ts";
import { agreement } from "./agree.ts";
import * as cases from "./cases.ts";
import { type Checkout, caseOf, entrantsOf } from "./entrants.ts";
import * as kernel from "./ours.ts";
import { formText, type Heat, heats, racesAt } from "./plan.ts";
import { race, timesOf } from "./race.ts";
import * as requests from "./requests.ts";
import { Workerd } from "./workerd.ts";

interface Side {
  checkout: Checkout;
  workerd: Workerd;
}

/**
 * Races all of `heats(quick)` and prints µs a record. `folder`: the other checkout, with its node_modules and build.
 */
export async function raceAgainst(folder: string, quick: boolean, rounds: number): Promise<Comparison[]> {
  const other: Checkout = {
    cases: await importFrom(folder, "bench/kernel/cases.ts"),
    kernel: await importFrom(folder, "bench/kernel/ours.ts"),
    requests: await importFrom(folder, "bench/kernel/requests.ts"),
  };
  const { Workerd: OtherWorkerd } = await importFrom<typeof import("./workerd.ts")>(folder, "bench/kernel/workerd.ts");
  await using stack = new AsyncDisposableStack();
  const here = { checkout: { cases, kernel, requests }, workerd: await Workerd.start() };
  stack.defer(() => here.workerd.stop());
  const there = { checkout: other, workerd: await OtherWorkerd.start() };
  stack.defer(() => there.workerd.stop());
  const results: Comparison[] = [];
  for (const heat of heats(quick)) results.push(...(await raceHeat(heat, rounds, here, there)));
  console.log(`\n${comparisonSummary(results)}`);
  return results;
}

async function raceHeat(
  { forms, batches, ...heat }: Heat,
  rounds: number,
  here: Side,
  there: Side,
): Promise<Comparison[]> {
  const one = caseOf(here.checkout, heat);
  const ours = await entrantsOf(here.checkout, one, forms, here.workerd);
  const otherCase = caseOf(there.checkout, heat);
  const theirs = await entrantsOf(there.checkout, otherCase, forms, there.workerd);
  const pairs = ours.map(({ form, runtime, contestant }, i) => {
    const other = theirs[i].contestant;
    // Should one be off, the error says whose it is.
    return { form, runtime, ours: contestant, theirs: { ...other, name: `${other.name}, there` } };
  });
  const contestants = pairs.flatMap(({ ours, theirs }) => [ours, theirs]);
  // Each with its own: checkouts whose row keys differ have other rows for the same records.
  for (const [checkout, own, kernels] of [
    [here.checkout, one, pairs.map(({ ours }) => ours)],
    [there.checkout, otherCase, pairs.map(({ theirs }) => theirs)],
  ] as const)
    await agreement(checkout.kernel.kernelContestant(own, "relaxed", "f32"), kernels);

  const results: Comparison[] = [];
  for (const batch of batches) {
    const racing = pairs.filter(({ form }) => racesAt(batch, form));
    const raced = racing.flatMap(({ ours, theirs }) => [ours, theirs]);
    const times = await race(raced, batch, rounds);
    for (const { form, runtime, ours, theirs } of racing) {
      const name = `${formText(form)}, ${batch}, ${runtime}`;
      results.push(compared(name, timesOf(times, ours), timesOf(times, theirs)));
    }
  }
  console.log(`\n${one.name}; case: kernel, records a call, runtime`);
  console.log(comparisonTable("µs", results));
  for (const contestant of contestants) await contestant.close();
  await here.workerd.clear();
  await there.workerd.clear();
  return results.map((result) => ({ ...result, case: `${one.name} ${result.case}` }));
}
