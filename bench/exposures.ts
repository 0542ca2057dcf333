// The exposure log under faults, and what a line costs. The Worker's own log writes lists of three arms through a queue
// into R2, in workerd; 10 % of all calls of the queue and of R2 fail, half of them after they have done their work, and
// for a time the queue takes nothing at all. Of each arm, the lines in R2 without duplicates, and those that were
// counted as dropped, must be all that were written; exits with 1 where they are not, or where the arms' shares tell a
// sample ratio mismatch. Beside it, the processor time of a line of 100 candidates, step by step, in turns.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeExposure } from "../format/exposure.ts";
import { sampleRatioTest } from "../lab/analysis/sample-ratio.ts";
import { exampleExposure } from "../testing/exposures/example-lines.ts";
import { toJson, writeWhole } from "../trainer/io/files.ts";
import { median } from "../trainer/metrics/median.ts";
import { integerWithin, numberWithin } from "../trainer/terminal/number-option.ts";
import { table } from "../trainer/terminal/table.ts";
import { DevWorker } from "./dev-worker.ts";
import { StoredLines } from "./exposures/stored-lines.ts";
import { benchOptions, option } from "./options.ts";
import { rounded } from "./ratio.ts";
import { JSON_FILE } from "./values.ts";

/** Of the lists. The lines that are timed are another's. */
const EXPERIMENT = "homepage-order";

const LISTS_PER_REQUEST = 100;
/** Lists that are written in a second. */
const RATE = 1200;
const STEPS = ["nothing", "request id", "check of an id", "numbers as base64", "line as bytes", "log of 100"];
const TIMES = 1000;
/** Dollars for an operation of Queues: a message of at most 64 KB is written, read and deleted. */
const DOLLARS_PER_OPERATION = 0.4e-6;
const OPERATIONS = 3;
/** Milliseconds in which all lines must be in R2: Queues delivers again after 5, 15 and 60 s what was not written. */
const STORED_MS = 100_000;

const options = benchOptions({
  "--lists <n>": option("lists that are written", integerWithin(1, 1e8), 100_000),
  "--down <x>": option("seconds in which the queue takes nothing", numberWithin(0, 3600), 60),
  "--rounds <n>": option("rounds in which the steps of a line take turns", integerWithin(1, 1000), 7),
  "--json <file>": JSON_FILE,
});
const { lists, down: downSeconds, json } = options;

interface Report {
  metrics: string;
  sent: { calls: number; failed: number; messages: number; bytes: number };
  objects: { key: string; size: number }[];
}

const folder = mkdtempSync(join(tmpdir(), "deepfm-edge-exposures-"));
const worker = await DevWorker.start(new URL("exposures/worker/wrangler.toml", import.meta.url), folder);
try {
  const faults = await underFaults();
  const times = await stepTimes();
  console.log(`${lists} lists, the queue down for ${downSeconds} s`);
  console.log(
    table(
      ["arm", "written", "in R2", "twice", "dropped", "missing"],
      faults.arms.map((arm) => [arm.arm, arm.written, arm.stored, arm.twice, arm.dropped, arm.missing].map(String)),
    ),
  );
  const { ratio, calls, linesPerMessage, gzipShare } = faults;
  console.log(`arms of the lines in R2: χ² ${ratio.chiSquare.toFixed(2)}, p ${ratio.p.toFixed(3)}`);
  console.log(
    `calls of the queue: ${calls.all}, of which ${calls.failed} failed; lines of a message: ${linesPerMessage}`,
  );
  const alone = 1e6 * OPERATIONS * DOLLARS_PER_OPERATION;
  console.log(
    `Queues, a million lines: $${(alone / linesPerMessage).toFixed(3)}; one in a message: $${alone.toFixed(2)}`,
  );
  console.log(`gzip leaves ${(100 * gzipShare).toFixed(0)} % of the bytes`);
  console.log(
    table(
      ["a line of 100 candidates", "µs"],
      times.map(({ step, us }) => [step, us.toFixed(1)]),
    ),
  );
  console.log(`the line has ${writeExposure(exampleExposure(100)).length} bytes`);
  if (json) writeWhole(json, toJson({ faults, times }));
  if (faults.ratio.mismatch || faults.arms.some(({ missing }) => missing !== 0)) process.exitCode = 1;
} finally {
  await worker.stop();
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Processor time of each step, in microseconds, beyond that of a step that does nothing: the median of rounds in which
 * the steps take turns. That of the log is with all that the queue of this machine does, in the same process.
 */
async function stepTimes(): Promise<{ step: string; us: number }[]> {
  const rounds: Record<string, number>[] = [];
  for (let round = 0; round <= options.rounds; round++) {
    const ofRound: Record<string, number> = {};
    for (const step of STEPS) ofRound[step] = await worker.requestMs({ step, times: TIMES }, new Uint8Array());
    // The lines of the last step are sent meanwhile.
    await drained();
    if (round > 0) rounds.push(ofRound); // the first warms up
  }
  const usOf = (step: string): number => (1000 * median(rounds.map((of) => of[step] - of.nothing))) / TIMES;
  return STEPS.slice(1).map((step) => ({ step, us: rounded(usOf(step)) }));
}

async function underFaults() {
  const sentBefore = (await report()).sent;
  await writeLists();
  const stored = new StoredLines(EXPERIMENT);
  const deadline = performance.now() + STORED_MS;
  let last = await drained();
  // What R2 has refused comes again after some seconds.
  for (let missing = Number.POSITIVE_INFINITY; missing !== 0 && performance.now() < deadline; await sleep(1000)) {
    last = await report();
    for (const { key } of last.objects) if (!stored.has(key)) stored.add(key, await textOf({ step: "object", key }));
    missing = armsOf(last, stored).reduce((sum, arm) => sum + arm.missing, 0);
  }
  const arms = armsOf(last, stored);
  const messages = last.sent.messages - sentBefore.messages;
  const ratio = sampleRatioTest(
    arms.map(({ stored }) => stored),
    arms.map(() => 1),
  );
  return {
    ...{ arms, ratio, linesPerMessage: rounded(stored.lines / messages) },
    calls: { all: last.sent.calls - sentBefore.calls, failed: last.sent.failed - sentBefore.failed },
    gzipShare: rounded(last.objects.reduce((sum, { size }) => sum + size, 0) / stored.bytes),
  };
}

/** Writes all lists at a steady rate. In the middle of the time the queue is down. */
async function writeLists(): Promise<void> {
  const start = performance.now();
  const downFrom = (1000 * (lists / RATE - downSeconds)) / 2;
  let [written, isDown] = [0, false];
  while (written < lists) {
    const elapsed = performance.now() - start;
    const shouldBeDown = elapsed > downFrom && elapsed < downFrom + 1000 * downSeconds;
    if (shouldBeDown !== isDown) await textOf({ step: "sink", down: shouldBeDown ? 1 : 0 });
    isDown = shouldBeDown;
    const times = Math.min(LISTS_PER_REQUEST, lists - written);
    if (written < (RATE * elapsed) / 1000) {
      await textOf({ step: "log", times, from: written });
      written += times;
    } else await sleep(5);
  }
  await textOf({ step: "sink", down: 0 });
}

/** What became of each arm's lists. */
function armsOf({ metrics }: Report, stored: StoredLines) {
  const sums = new Map<string, { written: number; dropped: number }>();
  const series = new RegExp(`_(written|dropped)_total\\{experiment="${EXPERIMENT}",.*arm="(\\w+)".*\\} (\\d+)`, "g");
  for (const [, what, arm = "", value] of metrics.matchAll(series)) {
    const of = sums.get(arm) ?? { written: 0, dropped: 0 };
    of[what as "written" | "dropped"] += Number(value);
    sums.set(arm, of);
  }
  return Array.from(sums, ([arm, { written, dropped }]) => {
    const { lists, twice } = stored.of(arm);
    return { arm, written, stored: lists, twice, dropped, missing: written - dropped - lists };
  });
}

async function textOf(query: Record<string, string | number>): Promise<string> {
  return new TextDecoder().decode(await worker.fetch(query, "POST", new Uint8Array()));
}

async function report(): Promise<Report> {
  return JSON.parse(await textOf({ step: "report" }));
}

/** Waits until no line waits in the isolate any more. */
async function drained(): Promise<Report> {
  for (let waits = 1; ; waits++) {
    const last = await report();
    if (/_waiting_lines 0\n/.test(last.metrics)) return last;
    await sleep(500);
    // A request that had to give up leaves its lines to the next one, which waits itself before it sends.
    if (waits % 20 === 0) await textOf({ step: "log of 100", times: 1 });
  }
}
