// What it costs that two models take turns: a Worker that has one model and is asked for it, beside one that has two
// and is asked for them alternately. Both are started anew several times, since how an isolate's code was compiled
// stays with it: between starts the ratios differ more than within one.
import { median } from "../../trainer/metrics/median.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { table } from "../../trainer/terminal/table.ts";
import { medianInterval, ratios, rounded } from "../ratio.ts";
import { waitUntilLoaded } from "./cold.ts";
import type { Driver } from "./drive.ts";
import { scoresOf } from "./kernel.ts";
import { type Contestant, measure, type Pace, turnsOf } from "./measure.ts";
import { type Asked, alternating, BODIES, type HttpModel } from "./model.ts";
import type { BenchServer, Checkout } from "./server.ts";

export interface TwoModelsResult {
  case: string;
  /** Processor time a request of two models that take turns, by that of one alone: the median over the starts. */
  ratio: number;
  /** Where the median lies with a confidence of 95 %. */
  low: number;
  high: number;
  /** That of each start: a median over its rounds. */
  starts: number[];
}

/** The bar: what the time may grow to. */
const MOST = 1.05;

/** `starts`: how often both Workers are started, each of them for `pace.rounds` rounds. */
export async function twoModels(
  driver: Driver,
  checkout: Checkout,
  cases: Readonly<Record<string, Asked>>,
  starts: number,
  pace: Pace,
): Promise<TwoModelsResult[]> {
  const { models } = checkout;
  await using kv = await checkout.startKv("quick");
  const found = Object.keys(cases).map((name) => ({ name, starts: [] as number[] }));
  let checked = 0;
  for (let start = 0; start < starts; start++) {
    await using alone = await checkout.start(kv, DEADLINE_MS);
    await using both = await checkout.start(kv, DEADLINE_MS);
    await waitUntilLoaded(alone, models[0].name);
    for (const { name } of models) await waitUntilLoaded(both, name);
    const contestants = Object.entries(cases).flatMap(([name, asked]): Contestant[] => {
      const { path, records } = asked;
      return [
        { name, server: alone, path, records, bodies: textsOf(alternating([models[0]], asked, BODIES)) },
        { name, server: both, path, records, bodies: textsOf(alternating(models, asked, BODIES)) },
      ];
    });
    const steps = contestants.length + turnsOf(contestants, pace);
    using task = startTask(`two models, start ${start + 1} of ${starts}`, steps, "turn");
    for (const { name, server, path, bodies } of contestants) {
      await driver.drive({ url: server.url.href, path, bodies, requests: WARM_UP, connections: pace.connections });
      task.advance(1, `${name} warms up`);
    }
    const turns = await measure(driver, contestants, pace, task);
    task.done("");
    found.forEach((one, i) => {
      one.starts.push(median(ratios(turns[2 * i + 1].cpu, turns[2 * i].cpu)));
    });
    for (const asked of Object.values(cases)) checked += await checkScores(both, models, asked);
  }
  console.log(`\ntwo models by turns, each score its model's to the bit: ${checked.toLocaleString("en")} scores`);
  const results = found.map(({ name, starts: of }): TwoModelsResult => {
    const { median: ratio, low, high } = medianInterval(of);
    return { case: name, ratio: rounded(ratio), low: rounded(low), high: rounded(high), starts: of.map(rounded) };
  });
  console.log(
    table(
      ["two models", "CPU, two / one", "95 % interval", `at most ${MOST}`],
      results.map(({ case: name, ratio, low, high }) => [
        ...[name, ratio.toFixed(3), `${low.toFixed(3)} to ${high.toFixed(3)}`],
        high <= MOST ? "holds" : low > MOST ? "fails" : "open",
      ]),
    ),
  );
  return results;
}

/** Requests of each case after which an isolate's code is compiled. */
const WARM_UP = 2000;
/** All pages are read by then. */
const DEADLINE_MS = 10_000;

/** Sends the bodies once more and compares each score with the kernel's. Returns how many there are. */
async function checkScores(server: BenchServer, models: readonly HttpModel[], asked: Asked): Promise<number> {
  const bodies = alternating(models, asked, BODIES);
  let checked = 0;
  for (const [m, model] of models.entries()) {
    const own = bodies.filter((_, i) => i % models.length === m);
    const expected = await scoresOf(model, own);
    for (const [i, body] of own.entries()) {
      const response = await fetch(new URL(asked.path, server.url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const { scores, version } = (await response.json()) as { scores: number[]; version: string };
      const wrong = expected[i].findIndex((score, record) => Math.fround(scores[record]) !== score);
      if (version !== model.exported.version || scores.length !== expected[i].length || wrong >= 0)
        throw new Error(
          `${model.name}, record ${wrong}: got ${scores[wrong]} of ${version}, expected ${expected[i][wrong]}`,
        );
      checked += scores.length;
    }
  }
  return checked;
}

function textsOf(bodies: readonly object[]): string[] {
  return bodies.map((body) => JSON.stringify(body));
}
