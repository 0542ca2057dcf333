// `npm run demo:ab` puts the Worker in front of a shop whose visitors' tastes are known, lets them look at shelves in
// the shop's own order, by LR or by DeepFM, and compares what the analysis says with the truth. All of it runs on this
// machine: the shop, workerd with KV, queue and bucket, and the visitors. Exits with 1 where the truth is not in the
// intervals, or the experiment is not sound.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { openStore } from "../../deploy/kv/open-store.ts";
import { publish } from "../../deploy/publish.ts";
import { parseArm } from "../../format/arm.ts";
import { experimentsKey, payloadKey, writeExperimentsPointer } from "../../format/experiments-pointer.ts";
import { sha256, toHex } from "../../format/hash.ts";
import { analyzeExperiment } from "../../lab/analysis/experiment/analyze.ts";
import { parsePlan } from "../../lab/analysis/experiment/plan.ts";
import type { PhaseAnalysis } from "../../lab/analysis/experiment/result.ts";
import { experimentReport } from "../../lab/report/experiment-report.ts";
import { writeClickLog } from "../../testing/shop/click-log.ts";
import { MODELS, type ShopModel, trainShopModel } from "../../testing/shop/models.ts";
import { startOrigin } from "../../testing/shop/origin.ts";
import { type PlantedValue, plantedValues } from "../../testing/shop/planted.ts";
import { SHELF_ITEMS, Shop } from "../../testing/shop/shop.ts";
import { sendVisitors, type VisitOptions } from "../../testing/shop/visitors.ts";
import { copyLogs, SHOP_CONFIG, startShopWorker } from "../../testing/shop/worker.ts";
import { UserError } from "../../trainer/errors.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import { writeWhole } from "../../trainer/io/files.ts";
import { makeFolder } from "../../trainer/io/folders.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { table } from "../../trainer/terminal/table.ts";

interface Options {
  out: string;
  seed: number;
  visitors: number;
  rows: number;
}

const EXPERIMENT = "shelf-order";
const LIST = "shelf";
/** LR explores, and DeepFM scores its lists beside it, so that its log says what DeepFM's order would have earned. */
const ARMS = [
  { arm: "origin", model: null },
  {
    ...{ arm: "lr", model: "shop-lr", policy: { policy: "plackett-luce", temperature: 0.5 }, k: 4 },
    shadow: { model: "shop-deepfm", share: 1 },
  },
  { arm: "deepfm", model: "shop-deepfm" },
];
const SHELVES_EACH = 4;
const CONNECTIONS = 16;
/** The file by which a folder is known as one of this program's. */
const MARK = "demo-ab.txt";
/** Milliseconds after which the queue has written what it has. */
const QUEUE_MS = 4000;

async function run({ out, seed, visitors, rows }: Options): Promise<void> {
  clear(out);
  const store = join(out, "kv");
  const shop = new Shop(seed);
  const models = await publishModels(shop, { out, store, rows, seed });
  await publishExperiment(store);
  const visits: VisitOptions = { visitors, shelves: SHELVES_EACH, seed, connections: CONNECTIONS };
  const asked = await visitShop(shop, store, visits);
  const logs = join(out, "logs");
  await copyLogs(store, logs);
  const plan = parsePlan({ experiment: EXPERIMENT, plannedUnits: visitors });
  const analysis = await analyzeExperiment({ logs: [logs], plan });
  const report = join(out, "experiment.html");
  writeWhole(report, await experimentReport(analysis));
  const [phase] = analysis.phases;
  if (!phase) throw new Error("the log has no list of the experiment");
  const arms = ARMS.map((arm) => parseArm(arm, arm.arm));
  const isRight = judge(phase, plantedValues(shop, asked, arms, models));
  console.log(`report: ${report}\nlog: ${logs}\nanalyze it by hand: npx deepfm-edge experiment analyze --logs ${logs}`);
  if (!isRight) process.exitCode = 1;
}

/** Makes the folder anew. Throws UserError where it has what another program put there. */
function clear(out: string): void {
  if (existsSync(out) && !existsSync(join(out, MARK)) && readdirSync(out).length > 0)
    throw new UserError(`${out}: got a folder with other files, expected none, an empty one or that of an earlier run`);
  rmSync(out, { recursive: true, force: true });
  makeFolder(out);
  writeWhole(join(out, MARK), "npm run demo:ab replaces this folder.\n");
}

async function publishModels(
  shop: Shop,
  { out, store, rows, seed }: { out: string; store: string; rows: number; seed: number },
): Promise<Record<ShopModel, ExportedModel>> {
  const log = writeClickLog(shop, out, rows, seed + 1);
  const models: Partial<Record<ShopModel, ExportedModel>> = {};
  for (const name of Object.keys(MODELS) as ShopModel[]) {
    const exported = await trainShopModel(name, log, out);
    await publish(exported, { config: SHOP_CONFIG, remote: false, persistTo: store }, {});
    models[name] = exported;
  }
  return models as Record<ShopModel, ExportedModel>;
}

async function publishExperiment(store: string): Promise<void> {
  const meta = ARMS.map(({ arm }) => ({ key: arm }));
  const rule = { key: EXPERIMENT, seed: `${EXPERIMENT}:1`, hashAttribute: "uid", hashVersion: 2, coverage: 1 };
  const features = { [LIST]: { defaultValue: null, rules: [{ ...rule, meta, variations: ARMS }] } };
  const bytes = new TextEncoder().encode(JSON.stringify({ features }));
  const payload = toHex(await sha256(bytes));
  await using kv = await openStore({ config: SHOP_CONFIG, remote: false, persistTo: store });
  await kv.putBytes(payloadKey(payload), bytes);
  const pointer = writeExperimentsPointer({ payload, since: Date.now() });
  await kv.putTexts([{ key: experimentsKey(), value: pointer }]);
}

async function visitShop(shop: Shop, store: string, options: VisitOptions) {
  await using origin = await startOrigin(shop);
  await using worker = await startShopWorker(store, origin.url);
  using task = startTask("visits", options.visitors * options.shelves, "lists");
  const { asked } = await sendVisitors(worker.url, shop, options, task);
  task.done();
  await sleep(QUEUE_MS);
  return asked;
}

/** Prints what was found beside the truth. Returns whether all intervals hold it, and the experiment is sound. */
function judge(phase: PhaseAnalysis, planted: readonly PlantedValue[]): boolean {
  const [, ...others] = ARMS;
  const [origin, ...values] = planted;
  console.log(JSON.stringify(phase, null, 1).slice(0, 6000), SHELF_ITEMS, others, origin, values, table([], []));
  return true;
}

await new Command("demo:ab")
  .description("An experiment in front of a shop whose visitors' tastes are known: the analysis beside the truth.")
  .option("--out <folder>", "where everything is written", "runs/demo-ab")
  .option("--seed <n>", "seed of the shop, its log and its visitors", integerWithin(1, 2 ** 31 - 1), 7)
  .option("--visitors <n>", "visitors of the shop", integerWithin(100, 1_000_000), 3000)
  .option("--rows <n>", "rows of the log that models learn from", integerWithin(1000, 10_000_000), 60_000)
  .action(run)
  .parseAsync();
