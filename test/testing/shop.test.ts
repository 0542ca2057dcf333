import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { startOrigin } from "../../testing/shop/origin.ts";
import { looksAt, SHELF_ITEMS, Shop } from "../../testing/shop/shop.ts";
import { plannedVisits, sendVisitors } from "../../testing/shop/visitors.ts";
import { startTask } from "../../trainer/terminal/progress.ts";

// The shop of `npm run demo:ab`, without a Worker in front of it.

const shop = new Shop(5);
const VISITS = { visitors: 40, shelves: 5, seed: 5, connections: 4 };

test("a seed makes one shop, whose visitors click as often as they are expected to", async () => {
  expect(new Shop(5)).toEqual(shop);
  await using origin = await startOrigin(shop);
  using task = startTask("visits", null, "list");
  const { lists, clicks, asked } = await sendVisitors(origin.url, shop, VISITS, task);
  expect([lists, origin.requests]).toEqual([200, 200]);
  expect(asked).toEqual(plannedVisits(shop, VISITS));
  let [expected, variance] = [0, 0];
  for (const { visitor, shelf } of asked) {
    expected += shop.expectedClicks(visitor, shop.shelves[shelf]);
    for (const [slot, item] of shop.shelves[shelf].entries()) {
      const p = looksAt(slot) * shop.clickProbability(visitor, item);
      variance += p * (1 - p);
    }
  }
  expect(Math.abs(clicks - expected)).toBeLessThan(4 * Math.sqrt(variance));
});

test("a shelf that lacks an item is an error", async () => {
  const items = shop.shelves[0].slice(1);
  await using server = createServer((_, response) => response.end(JSON.stringify({ items })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  using task = startTask("visits", null, "list");
  await expect(sendVisitors(url, shop, VISITS, task)).rejects.toThrow(`expected ${SHELF_ITEMS}`);
  server.closeAllConnections();
});
