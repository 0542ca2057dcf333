// `npm run chaos -- --seed 1` has clients score with the Worker, in workerds of its own on this machine, while models
// are published, rolled back and killed on the way, isolates start anew, and Workers KV is slow, fails and gives wrong
// bytes. Every answer is judged: the scores must be those of the version that it names, to the bit, as many as records,
// and nothing but a 503 with retry-after may say that the Worker cannot. Exits 1 where anything is wrong.
import { Command } from "commander";
import { chaos } from "../../testing/chaos/chaos.ts";
import { FULL, makeFleet, SMALL } from "../../testing/chaos/fleet.ts";
import type { ChaosReport, WrongAnswer } from "../../testing/chaos/report.ts";
import { toJson } from "../../trainer/io/files.ts";
import { jsonResult, writeResult } from "../../trainer/io/result-file.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { resultFile } from "../../trainer/terminal/path-option.ts";
import { durationText, startTask } from "../../trainer/terminal/progress.ts";
import { hasStatus } from "../../trainer/terminal/status-line.ts";
import { bytesText, table } from "../../trainer/terminal/table.ts";

interface Options {
  seed: number;
  requests: number;
  clients: number;
  swaps: number;
  small: boolean;
  only?: string;
  json?: string;
}

/** In each phase something happens so many times, and so many publications end on the way. */
const USUAL = 12;
const KILLS = 24;
/** Wrong answers that are printed, and characters of each of their bodies. The report has more. */
const PRINTED = 5;
const PRINTED_CHARACTERS = 2000;
/** Seconds between two lines of progress where stderr is no terminal. */
const LINE_EVERY = 30;

const JSON_RESULT = jsonResult("chaos", "phases");

const count = new Intl.NumberFormat("en");

async function run({ seed, requests, clients, swaps, small, only, json }: Options): Promise<void> {
  using building = startTask("models", null, "model");
  const fleet = await makeFleet(small ? SMALL : FULL);
  building.advance(fleet.byVersion.size);
  building.done();
  using task = startTask("chaos", requests, "request");
  const started = performance.now();
  let [seen, line] = [0, LINE_EVERY];
  const progress = (report: ChaosReport): void => {
    task.advance(report.answers - seen, `${report.phase.phase}, ${count.format(report.wrongCount)} wrong`);
    seen = report.answers;
    const seconds = (performance.now() - started) / 1000;
    if (hasStatus() || seconds < line) return;
    line += LINE_EVERY;
    const rate = seen / seconds;
    const left = durationText(Math.max(0, requests - seen) / rate);
    process.stderr.write(
      `chaos: ${count.format(seen)} requests (${count.format(Math.round(rate))}/s), ${left} left, ` +
        `${report.phase.phase}, ${count.format(report.wrongCount)} wrong\n`,
    );
  };
  const times = { usual: USUAL, swaps, kills: KILLS };
  const report = await chaos(fleet, { seed, requests, clients, times, ...(only !== undefined && { only }), progress });
  task.done();
  print(report);
  for (const wrong of report.wrong.slice(0, PRINTED)) console.log(wrongText(wrong));
  if (json) writeResult(json, toJson(report), JSON_RESULT);
  console.log(
    `seed ${seed}: ${count.format(report.answers)} answers, ${count.format(report.wrongCount)} wrong; ` +
      `${count.format(report.swaps)} hot swaps, ${count.format(report.kills)} publications ended on the way, ` +
      `${count.format(report.patches)} blobs stored as patches`,
  );
  if (report.wrongCount > 0) process.exitCode = 1;
}

function print({ phases, faults, peakBytes, accounts }: ChaosReport): void {
  const outcomes = ["whole", "degraded", "fallback", "other", "refused", "unavailable", "none"] as const;
  const titles = ["all rows", "degraded", "fallback", "other 200", "4xx", "503", "no answer"];
  console.log(
    table(
      ["phase", ...titles, "switches", "isolates", "wrong"],
      phases.map(({ phase, outcomes: of, switches, restarts, wrong }) => [
        phase,
        ...[...outcomes.map((outcome) => of[outcome]), switches, restarts, wrong].map((n) => count.format(n)),
      ]),
    ),
  );
  const met = Object.entries(faults).map(([fault, times]) => `${fault} × ${count.format(times)}`);
  console.log(`reads of the store that met with a fault: ${met.join(", ")}`);
  console.log(
    `the Worker's account of memory: ${accounts} times that of its engine, at most ${bytesText(peakBytes)} at a time`,
  );
}

function wrongText({ phase, kind, problem, request, answer }: WrongAnswer): string {
  const cut = (text: string): string => text.slice(0, PRINTED_CHARACTERS);
  return [
    `wrong: ${phase}: ${kind}: ${problem}`,
    ...(request ? [`  request: ${cut(request)}`] : []),
    ...(answer ? [`  answer: ${answer.status} ${cut(answer.body)}`] : []),
  ].join("\n");
}

await new Command("chaos")
  .description("Scores with the Worker on this machine while all else goes wrong, and judges every answer.")
  .option("--seed <n>", "which requests and faults", integerWithin(0, 2 ** 32 - 1), 1)
  .option("--requests <n>", "how many requests, in all phases", integerWithin(0, 1e8), 100_000)
  .option("--clients <n>", "how many send at the same time", integerWithin(1, 1000), 32)
  .option("--swaps <n>", "how many hot swaps are waited for", integerWithin(0, 1e6), 100)
  .option("--only <text>", "only phases whose names have this text")
  .option("--small", "small models, and none that do not fit into memory", false)
  .option("--json <file>", "the report, as JSON", resultFile(JSON_RESULT))
  .action(run)
  .parseAsync();
