import { setTimeout as sleep } from "node:timers/promises";
import { pullLogs } from "../../deploy/pull-logs.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { startOrigin } from "./origin.ts";
import type { Shop } from "./shop.ts";
import { sendVisitors, type Visit, type VisitOptions } from "./visitors.ts";
import { SHOP_CONFIG, type ShopWorker, startShopWorker } from "./worker.ts";

/** Milliseconds without a new line after which none is waited for: a batch waits for one second. */
const QUIET_MS = 30_000;
const LOOK_MS = 500;

/**
 * Lets visitors look at the shop through the Worker over the KV in `persistTo`, and copies what is logged into a
 * folder. Returns who looked at what.
 */
export async function visitShop(
  shop: Shop,
  persistTo: string,
  logs: string,
  options: VisitOptions,
): Promise<readonly Visit[]> {
  const { asked } = await visitWorker(shop, persistTo, options);
  await pullLogs(logs, { config: SHOP_CONFIG, persistTo });
  return asked;
}

async function visitWorker(shop: Shop, persistTo: string, options: VisitOptions) {
  await using origin = await startOrigin(shop);
  await using worker = await startShopWorker(persistTo, origin.url);
  using task = startTask("visits", options.visitors * options.shelves, "list");
  const visits = await sendVisitors(worker.url, shop, options, task);
  task.done();
  await untilStored(worker, visits.lists + visits.clicks);
  return visits;
}

/** Waits until the queue has stored so many lines. What is missing after a while of nothing new, the analysis tells. */
async function untilStored(worker: ShopWorker, expected: number): Promise<void> {
  let stored = await worker.storedLines();
  for (let quiet = 0; stored < expected && quiet < QUIET_MS; quiet += LOOK_MS) {
    await sleep(LOOK_MS);
    const now = await worker.storedLines();
    if (now > stored) quiet = 0;
    stored = now;
  }
}
