import { join } from "node:path";
import { Random } from "../../trainer/data/random.ts";
import { WholeFile } from "../../trainer/io/files.ts";
import type { Shop } from "./shop.ts";
import { SHELF_ITEMS } from "./shop.ts";

const HEADER = "label,segment,device,item,category,brand,price";

/** Writes train.csv and valid.csv (4 : 1): what visitors of the shop did with items that they looked at. */
export function writeClickLog(
  shop: Shop,
  folder: string,
  rows: number,
  seed: number,
): { train: string; valid: string } {
  const random = new Random(seed);
  const write = (name: string, count: number): string => {
    const path = join(folder, name);
    using file = new WholeFile(path);
    const lines = [HEADER];
    for (let i = 0; i < count; i++) {
      // Those before the experiment are others than those in it.
      const visitor = shop.visitor(-1 - random.integer(1_000_000));
      const shelf = shop.shelves[random.integer(shop.shelves.length)];
      const item = shelf[random.integer(SHELF_ITEMS)];
      const label = random.uniform() < shop.clickProbability(visitor, item) ? 1 : 0;
      const { id, category, brand, price } = item;
      lines.push([label, visitor.segment, visitor.device, id, category, brand, price].join(","));
    }
    file.write(`${lines.join("\n")}\n`);
    file.finish();
    return path;
  };
  const fifth = Math.floor(rows / 5);
  return { train: write("train.csv", rows - fifth), valid: write("valid.csv", fifth) };
}
