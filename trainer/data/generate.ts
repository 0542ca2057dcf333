import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { WholeFile } from "../io/files.ts";
import { type Metrics, metricsOfLogits, sigmoid } from "../metrics/metrics.ts";
import type { Task } from "../terminal/progress.ts";
import { Random } from "./random.ts";
import { Zipf } from "./zipf.ts";

// A click log with a known truth. Ids follow Zipf's law. The logit of each row is a sum of planted effects of first
// order (one field), second order (two fields) and third order (three fields at once), and the label is drawn with that
// probability; so the AUC of the true probabilities is the best that any model can reach.

export interface GeneratedLog {
  train: string;
  valid: string;
  test: string;
  /** Metrics of the true probabilities on the test file. */
  best: Metrics;
  /** The mean of the true probabilities of the test file: the clicks that were to be expected, by its rows. */
  expectedRate: number;
}

/** What a log is to be like. */
export interface LogShape extends WorldSize {
  /** The click rate; about 1/4 where it is not given. */
  clickRate?: number | undefined;
}

/** What the rows of a file are drawn by, and come out as. */
interface Truth {
  logits: Float64Array;
  labels: Uint8Array;
}

/** How many different users and items there are to draw from. */
export interface WorldSize {
  users: number;
  items: number;
}

export const SMALL_WORLD: WorldSize = { users: 2_000, items: 800 };
const CATEGORIES = 12;
const DEVICES = ["phone", "tablet", "desktop", "tv"];
const COUNTRIES = ["br", "cn", "de", "es", "fr", "gb", "in", "it", "jp", "mx", "pl", "us"];
const TAGS = Array.from({ length: 24 }, (_, i) => `tag-${i}`);
const DAY_PARTS = 4;
/** Characters that are gathered before they are written. */
const WRITE_LENGTH = 2 ** 16;
const HEADER = "label,user,country,device,hour,age,item,category,price,tags";

/**
 * Writes train.csv, valid.csv and test.csv (8 : 1 : 1) into `folder`. The same seed gives the same bytes. Throws
 * UserError where the system refuses to write.
 */
export async function generateLog(
  folder: string,
  rows: number,
  seed: number,
  task: Task,
  { clickRate, ...size }: LogShape = SMALL_WORLD,
): Promise<GeneratedLog> {
  const random = new Random(seed);
  const drawRow = plantedWorld(random, size);
  const shift = clickRate === undefined ? 0 : shiftTo(clickRate, drawRow);
  const write = async (name: string, count: number, truth: Truth | null = null): Promise<string> => {
    const path = join(folder, name);
    using file = new WholeFile(path);
    let text = `${HEADER}\n`;
    for (let i = 0; i < count; i++) {
      const { cells, logit: planted } = drawRow();
      const logit = planted + shift;
      const label = random.uniform() < sigmoid(logit) ? 1 : 0;
      if (truth) {
        truth.logits[i] = logit;
        truth.labels[i] = label;
      }
      text += `${label},${cells}\n`;
      if (text.length > WRITE_LENGTH || i === count - 1) {
        file.write(text);
        text = "";
        await setImmediate(); // lets signals' handlers and timers run
      }
      if (i % 4096 === 4095) task.advance(4096);
      else if (i === count - 1) task.advance(count % 4096);
    }
    file.finish();
    return path;
  };
  const tenth = Math.floor(rows / 10);
  const train = await write("train.csv", rows - 2 * tenth);
  const valid = await write("valid.csv", tenth);
  const truth: Truth = { logits: new Float64Array(tenth), labels: new Uint8Array(tenth) };
  const test = await write("test.csv", tenth, truth);
  return {
    ...{ train, valid, test },
    best: metricsOfLogits(truth.logits, truth.labels),
    expectedRate: meanProbability(truth.logits, 0),
  };
}

/** Rows whose logits tell the click rate of a world: a rate of 1:10,000 comes out within 2 %. */
const SHIFT_ROWS = 2 ** 16;

/** What must be added to a world's logits so that the mean probability is the click rate. */
function shiftTo(clickRate: number, drawRow: () => { logit: number }): number {
  const logits = Float64Array.from({ length: SHIFT_ROWS }, () => drawRow().logit);
  let [low, high] = [-40, 40];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (meanProbability(logits, middle) < clickRate) low = middle;
    else high = middle;
  }
  return low;
}

function meanProbability(logits: Float64Array, shift: number): number {
  return logits.reduce((sum, logit) => sum + sigmoid(logit + shift), 0) / logits.length;
}

/** Draws the world's effects. Returns a function that draws a row: its cells after the label, and its true logit. */
function plantedWorld(random: Random, { users, items }: WorldSize): () => { cells: string; logit: number } {
  const table = (size: number, deviation: number): Float64Array =>
    Float64Array.from({ length: size }, () => deviation * random.normal());
  const integers = (size: number, below: number): Uint32Array =>
    Uint32Array.from({ length: size }, () => random.integer(below));

  const countryOf = integers(users, COUNTRIES.length);
  const ageOf = Int32Array.from({ length: users }, () => (random.uniform() < 0.2 ? -1 : 16 + random.integer(60)));
  const categoryOf = integers(items, CATEGORIES);
  const priceOf = Float64Array.from({ length: items }, () => Math.exp(2.5 + 1.2 * random.normal()));
  const tagsOf = Array.from({ length: items }, () => [...new Set(integers(random.integer(4), TAGS.length))]);

  const first = {
    user: table(users, 0.4),
    item: table(items, 0.5),
    category: table(CATEGORIES, 0.6),
    device: table(DEVICES.length, 0.3),
    country: table(COUNTRIES.length, 0.3),
    tag: table(TAGS.length, 0.3),
  };
  const second = {
    countryCategory: table(COUNTRIES.length * CATEGORIES, 0.6),
    deviceCategory: table(DEVICES.length * CATEGORIES, 0.4),
    agePrice: 0.5,
  };
  const third = table(DAY_PARTS * DEVICES.length * CATEGORIES, 0.5);

  const byUser = new Zipf(users, 1.0);
  const byItem = new Zipf(items, 1.05);
  const at = (list: ArrayLike<number>, i: number): number => list[i];
  return () => {
    const user = byUser.draw(random);
    const item = byItem.draw(random);
    const device = random.integer(DEVICES.length);
    const hour = random.integer(24);
    const country = at(countryOf, user);
    const category = at(categoryOf, item);
    const age = at(ageOf, user);
    const price = at(priceOf, item);
    const tags = tagsOf[item];
    const dayPart = Math.floor(hour / (24 / DAY_PARTS));

    let logit = -1.1;
    logit += at(first.user, user) + at(first.item, item) + at(first.category, category);
    logit += at(first.device, device) + at(first.country, country);
    for (const tag of tags) logit += at(first.tag, tag) / tags.length;
    logit +=
      at(second.countryCategory, country * CATEGORIES + category) +
      at(second.deviceCategory, device * CATEGORIES + category);
    if (age >= 0) logit += second.agePrice * (age > 40 ? 1 : -1) * (price > 20 ? 1 : -1);
    logit += at(third, (dayPart * DEVICES.length + device) * CATEGORIES + category);

    const cells = [
      `u${user}`,
      COUNTRIES[country],
      DEVICES[device],
      hour,
      age < 0 ? "" : age,
      `i${item}`,
      `c${category}`,
      price.toFixed(2),
      tags.map((tag) => TAGS[tag]).join("|"),
    ];
    return { cells: cells.join(","), logit };
  };
}
