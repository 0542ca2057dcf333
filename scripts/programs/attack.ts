// `npm run attack -- --seed 1` sends the Worker, in a workerd of its own on this machine, what clients send, what they
// get wrong, and what costs a Worker most, from many clients at once. Every answer is judged: a score must be right, a
// fault be named by the status that is documented for it, and nothing but a 503 with retry-after may say that the
// Worker is at its limits. Exits 1 where an answer was wrong, the Worker logged an error, or workerd took too much
// memory.
import { Command } from "commander";
import { type AttackReport, attack } from "../../testing/attack/attack.ts";
import { attackModel, FULL } from "../../testing/attack/model.ts";
import { startServer } from "../../testing/attack/server.ts";
import { toJson } from "../../trainer/io/files.ts";
import { jsonResult, writeResult } from "../../trainer/io/result-file.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { resultFile } from "../../trainer/terminal/path-option.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { bytesText, table } from "../../trainer/terminal/table.ts";

interface Options {
  seed: number;
  requests: number;
  clients: number;
  floods: number;
  slow: number;
  json?: string;
}

/** An isolate has 128 MB; so much may workerd take beyond what it has when it is idle, with the model loaded. */
const MAX_GROWTH_BYTES = 128e6;

const JSON_RESULT = jsonResult("attack", "kinds");

const integers = new Intl.NumberFormat("en");

async function run({ seed, requests, clients, floods, slow, json }: Options): Promise<void> {
  const model = await attackModel(FULL);
  await using server = await startServer(model);
  using task = startTask("attack", null, "request");
  let seen = 0;
  const report = await attack(server, model, {
    seed,
    requests,
    clients,
    floods,
    slowSeconds: slow,
    progress(answers, wrong) {
      task.advance(answers - seen, `${integers.format(wrong)} wrong`);
      seen = answers;
    },
  });
  task.done();
  print(report);
  const failures = failuresOf(report);
  for (const failure of failures) console.log(failure);
  if (json)
    writeResult(
      json,
      toJson({
        ...report,
        kinds: report.kinds.map((kind) => ({ ...kind, statuses: Object.fromEntries(kind.statuses) })),
      }),
      JSON_RESULT,
    );
  console.log(`seed ${seed}: ${integers.format(report.answers)} answers, ${integers.format(report.wrongCount)} wrong`);
  if (failures.length > 0) process.exitCode = 1;
}

function print({ kinds, memory, resident }: AttackReport): void {
  const rows = kinds.map(({ kind, answers, statuses, wrong }) => [
    kind,
    integers.format(answers),
    [...statuses]
      .sort(([, a], [, b]) => b - a)
      .map(([status, times]) => `${status} × ${integers.format(times)}`)
      .join(", "),
    integers.format(wrong),
  ]);
  console.log(table(["kind", "answers", "statuses", "wrong"], rows));
  if (memory)
    console.log(
      `the Worker's own budget: at most ${bytesText(memory.peak)} of ${bytesText(memory.budget)} taken at a time, ` +
        `${integers.format(memory.refused)} times refused`,
    );
  if (!resident) console.log("workerd's memory: this system does not tell");
  else
    console.log(
      `workerd's memory: ${bytesText(resident.idle)} idle, at most ${bytesText(resident.peak)}: ` +
        `${bytesText(resident.peak - resident.idle)} more`,
    );
}

function failuresOf({ wrong, errors, resident }: AttackReport): string[] {
  const growth = resident ? resident.peak - resident.idle : 0;
  return [
    ...wrong.map((text) => `wrong: ${text}`),
    ...errors.map((text) => `logged: ${text.slice(0, 500)}`),
    ...(growth > MAX_GROWTH_BYTES
      ? [`memory: got ${growth} bytes above idle, expected at most ${MAX_GROWTH_BYTES}`]
      : []),
  ];
}

await new Command("attack")
  .description("Attacks the Worker on this machine, and judges every answer.")
  .option("--seed <n>", "which requests", integerWithin(0, 2 ** 32 - 1), 1)
  .option("--requests <n>", "how many requests of all kinds, mixed", integerWithin(0, 1e7), 12_000)
  .option("--clients <n>", "how many send at the same time", integerWithin(1, 1000), 64)
  .option("--floods <n>", "how often all clients send each of the worst bodies at once", integerWithin(0, 1000), 1)
  .option("--slow <seconds>", "how long a slow body takes; 0: none is sent", integerWithin(0, 600), 20)
  .option("--json <file>", "the report, as JSON", resultFile(JSON_RESULT))
  .action(run)
  .parseAsync();
