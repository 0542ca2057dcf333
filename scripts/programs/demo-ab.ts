// `npm run demo:ab` puts the Worker in front of a shop whose visitors' tastes are known, lets them look at shelves in
// the shop's own order, by LR or by DeepFM, and compares what the analysis says with the truth. All of it runs on this
// machine: the shop, workerd with KV, queue and bucket, and the visitors. Exits with 1 where the truth is not in the
// intervals, or the experiment is not sound.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { faultText } from "../../cli/commands/faults.ts";
import { publish } from "../../deploy/publish.ts";
import { analyzeExperiment } from "../../lab/analysis/experiment/analyze.ts";
import { parsePlan } from "../../lab/analysis/experiment/plan.ts";
import { experimentReport } from "../../lab/report/experiment-report.ts";
import { writeClickLog } from "../../testing/shop/click-log.ts";
import { EXPERIMENT, startExperiment } from "../../testing/shop/experiment.ts";
import { judge } from "../../testing/shop/judge.ts";
import { MODELS, type ShopModel, trainShopModel } from "../../testing/shop/models.ts";
import { plantedValues } from "../../testing/shop/planted.ts";
import { Shop } from "../../testing/shop/shop.ts";
import { visitShop } from "../../testing/shop/visit-shop.ts";
import type { VisitOptions } from "../../testing/shop/visitors.ts";
import { SHOP_CONFIG } from "../../testing/shop/worker.ts";
import { UserError } from "../../trainer/errors.ts";
import type { ExportedModel } from "../../trainer/export/export.ts";
import { writeWhole } from "../../trainer/io/files.ts";
import { makeFolder } from "../../trainer/io/folders.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { shellWord } from "../../trainer/terminal/shell-word.ts";

interface Options {
  out: string;
  seed: number;
  visitors: number;
  rows: number;
}

const SHELVES_EACH = 4;
const CONNECTIONS = 16;
/** Of some four intervals all are to hold the truth, so that each of them may miss it more seldom than in 5 %. */
const ALPHA = 0.01;
/** The file by which a folder is known as one of this program's. */
const MARK = "demo-ab.txt";

async function run({ out, seed, visitors, rows }: Options): Promise<void> {
  clear(out);
  const store = join(out, "kv");
  const shop = new Shop(seed);
  const models = await publishModels(shop, { out, store, rows, seed });
  await startExperiment(store);
  const visits: VisitOptions = { visitors, shelves: SHELVES_EACH, seed, connections: CONNECTIONS };
  const logs = join(out, "logs");
  const asked = await visitShop(shop, store, logs, visits);
  const plan = parsePlan({ experiment: EXPERIMENT, plannedUnits: visitors, alpha: ALPHA });
  const analysis = await analyzeExperiment({ logs: [logs], plan });
  const report = join(out, "experiment.html");
  writeWhole(report, await experimentReport(analysis));
  const [phase] = analysis.phases;
  if (!phase) throw new Error("the log has no list of the experiment");
  const isRight = judge(phase, plantedValues(shop, asked, models), asked.length);
  console.log(
    `report: ${report}\nlog: ${logs}\nanalyze it by hand: npx deepfm-edge experiment analyze --logs ${shellWord(logs)}`,
  );
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

await new Command("demo:ab")
  .description("An experiment in front of a shop whose visitors' tastes are known: the analysis beside the truth.")
  .option("--out <folder>", "where everything is written", "runs/demo-ab")
  .option("--seed <n>", "seed of the shop, its log and its visitors", integerWithin(1, 2 ** 31 - 1), 7)
  .option("--visitors <n>", "visitors of the shop", integerWithin(100, 1_000_000), 3000)
  .option("--rows <n>", "rows of the log that models learn from", integerWithin(1000, 10_000_000), 60_000)
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    console.error(faultText(error));
    process.exitCode = 1;
  });
