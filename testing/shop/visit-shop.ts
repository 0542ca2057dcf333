import { setTimeout as sleep } from "node:timers/promises";
import { pullLogs } from "../../deploy/pull-logs.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { startOrigin } from "./origin.ts";
import type { Shop } from "./shop.ts";
import { sendVisitors, type Visit, type VisitOptions } from "./visitors.ts";
import { SHOP_CONFIG, startShopWorker } from "./worker.ts";

/** Milliseconds in which the queue writes what it has: a batch waits for one second. */
const QUEUE_MS = 4000;

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
  using task = startTask("visits", options.visitors * options.shelves, "lists");
  const visits = await sendVisitors(worker.url, shop, options, task);
  task.done();
  await sleep(QUEUE_MS);
  return visits;
}
