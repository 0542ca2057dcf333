// What the numbers of experiments are worth, where the truth is known. Lists of one request are drawn by each policy
// and counted against their stated probabilities. Simulated experiments without an effect, and with one, are tested.
// The value of another policy is estimated from simulated logs. Last comes the processor time of an order.
import { parsePolicy } from "../format/policy.ts";
import { chiSquareSurvival } from "../lab/analysis/distributions/chi-square.ts";
import { drawOrder } from "../runtime/orders/order.ts";
import { policyTruth } from "../testing/experiments/policy-truth.ts";
import { type Rates, simulateTests } from "../testing/experiments/simulated-tests.ts";
import { seeded } from "../testing/format/random.ts";
import { epsilonGreedyLists, type Lists, plackettLuceLists, teamDraftLists } from "../testing/orders/enumerate.ts";
import { listChiSquare } from "../testing/orders/list-chi-square.ts";
import { randomCandidates } from "../testing/orders/replay.ts";
import { integerWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { benchOptions, option } from "./options.ts";

const { lists, tests, logs } = benchOptions({
  "--lists <n>": option("lists that each policy draws", integerWithin(1, 1e9), 1e6),
  "--tests <n>": option("simulated experiments", integerWithin(1, 1e8), 10_000),
  "--logs <n>": option("logs that estimates are from", integerWithin(1, 1e6), 500),
});

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

drawnLists();
simulated();
offPolicy();
processorTime();

/** Orders of five candidates in three or four slots: χ² of all that can come. */
function drawnLists(): void {
  const own = [0.3, -1.2, 1.4, 0.9, 0.31];
  const rival = [1, 1.5, -2, 0.9, -3];
  const candidates = { ids: own.map((_, i) => `item ${i}`), logits: own, rivalLogits: rival };
  const cases: [object, Lists][] = [
    [{ policy: "plackett-luce", temperature: 1, k: 3 }, plackettLuceLists(own, 3)],
    [{ policy: "epsilon-greedy", epsilon: 0.4, k: 3 }, epsilonGreedyLists(own, 3, 0.4)],
    [{ policy: "team-draft", rival: "other", k: 4 }, teamDraftLists(own, rival, 4)],
  ];
  const rows = cases.map(([policy, expected]) => {
    const { chiSquare, degrees, foreign } = listChiSquare(parsePolicy(policy), candidates, expected, lists);
    const p = chiSquareSurvival(chiSquare, degrees);
    return [
      JSON.stringify(policy),
      String(expected.size),
      chiSquare.toFixed(1),
      String(degrees),
      p.toFixed(3),
      String(foreign),
    ];
  });
  console.log(`${lists} lists of one request, each with a seed of its own`);
  console.log(table(["policy", "lists that can come", "χ²", "degrees", "p", "others"], rows), "\n");
}

function simulated(): void {
  const row = (ctr: number, lift: number, rates: Rates): string[] => [
    ...[percent(ctr), percent(lift), percent(rates.fixedAtEnd), percent(rates.sequentialAtAnyLook)],
    ...[percent(rates.fixedAtAnyLook), percent(rates.covered)],
  ];
  const rows = [0.05, 0.005].flatMap((ctr) =>
    [0, 0.1].map((lift) => {
      const setting = { tests, units: 10_000, looks: 40, ctr, lift, seed: 1 };
      return row(ctr, lift, simulateTests(setting));
    }),
  );
  console.log(`${tests} experiments of two arms with 10,000 units each, 40 looks, α 5 %: how often what is found`);
  const columns = ["clicks per list", "true lift", "fixed, at the end", "sequential, at any look"];
  console.log(table([...columns, "fixed, at any look", "95 % interval holds the lift"], rows), "\n");
}

function offPolicy(): void {
  const names: Record<string, string> = {
    list: "IPS of lists",
    prefix: "RIPS",
    slot: "IPS of the first slot",
    robust: "DR of the first slot",
    independent: "IIPS, independent slots",
  };
  const found = Object.entries(policyTruth(logs, 2000, 1));
  const rows = found.map(([name, { bias, errorOfBias, covered }]) => [
    ...[names[name] ?? name, bias.toExponential(1), (bias / errorOfBias).toFixed(2), percent(covered / logs)],
  ]);
  console.log(`${logs} logs of 2,000 lists by one Plackett–Luce policy: the value of another one`);
  console.log(table(["estimator", "bias", "in its own errors", "95 % interval holds the truth"], rows), "\n");
}

/** µs of processor time for an order of 100 candidates. */
function processorTime(): void {
  const candidates = randomCandidates(seeded(1), 100);
  const seed = new Uint8Array(16);
  const policies = [
    { policy: "greedy" },
    { policy: "plackett-luce", temperature: 1, k: 20 },
    { policy: "epsilon-greedy", epsilon: 0.1, k: 20 },
    { policy: "team-draft", rival: "other", k: 20 },
  ].map((policy) => parsePolicy(policy));
  const times = policies.map((): number[] => []);
  // In turns, so that a busy moment is no policy's own.
  for (let turn = 0; turn < 30; turn++) {
    for (const [i, policy] of policies.entries()) {
      const start = process.cpuUsage();
      for (let n = 0; n < 200; n++) {
        seed[0] = n;
        drawOrder(policy, candidates, seed);
      }
      const { user, system } = process.cpuUsage(start);
      times[i]?.push((user + system) / 200);
    }
  }
  const medians = times.map((own) => own.sort((a, b) => a - b)[own.length >> 1] ?? Number.NaN);
  const rows = policies.map(({ policy }, i) => [policy, (medians[i] ?? Number.NaN).toFixed(0)]);
  console.log("Processor time of ordering 100 candidates, with the propensities of 20 slots: median of 30 turns");
  console.log(table(["policy", "µs"], rows));
}
