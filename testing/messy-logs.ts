import { Random } from "../trainer/data/random.ts";

// Click logs as exports of three kinds of systems leave them, each with the slips of its kind. What a click depends on
// is planted, so that a model can learn it.

/** One impression, before it is written down. */
interface Impression {
  random: Random;
  /** Milliseconds since 1970. */
  time: number;
  user: number;
  item: number;
  click: boolean;
}

const START = Date.UTC(2026, 8, 1);
const COUNTRIES = ["de", "fr", "gb", "us", "nl"] as const;
const DEVICES = ["mobile", "desktop", "tablet"] as const;
const BRANDS = ["acme", "globex", "initech", "umbrella"] as const;
const TAGS = ["sale", "shoes", "men", "women", "kids", "sports"] as const;
const USERS = 120;
const ITEMS = 60;
/** Milliseconds of the time that a log spans: three weeks. */
const SPAN = 21 * 86_400_000;

function of<Item>(list: readonly Item[], i: number): Item {
  return list[i % list.length] as Item;
}

function* impressions(records: number, seed: number): Generator<Impression> {
  const random = new Random(seed);
  for (let i = 0; i < records; i++) {
    // Few users and items have most of the records.
    const user = Math.floor(USERS * random.uniform() ** 2);
    const item = Math.floor(ITEMS * random.uniform() ** 2);
    const logit = -2 + (item % 4) - (user % 3) + (COUNTRIES[user % 5] === "de" ? 1 : 0);
    const click = random.uniform() < 1 / (1 + Math.exp(-logit));
    yield { random, time: START + Math.floor(((i + random.uniform()) / records) * SPAN), user, item, click };
  }
}

/** Some of an item's tags. */
function tagsOf(item: number): string[] {
  return TAGS.filter((_, t) => (item >> t) % 2 === 1);
}

/** A cell of CSV. */
function cell(text: string, delimiter: string): string {
  return new RegExp(`[${delimiter}"\n]`).test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv(rows: readonly (readonly (string | number)[])[], delimiter: string): string {
  return `${rows.map((row) => row.map((text) => cell(String(text), delimiter)).join(delimiter)).join("\n")}\n`;
}

/**
 * A shop's CSV: an id for each row, ISO times with zone, countries in five spellings, Python lists, titles with commas,
 * quotes and umlauts, prices with a decimal comma, brands that differ in case, NaN as text, a time of the click.
 */
export function shopLog(records: number, seed = 1): string {
  const head = [
    "impression_id",
    "ts",
    "user_id",
    "country",
    "device",
    "item_id",
    "title",
    "price",
    "categories",
    "brand",
  ];
  const rows: (string | number)[][] = [[...head, "position", "clicked_at", "clicked"]];
  for (const { random, time, user, item, click } of impressions(records, seed)) {
    const spell = (text: string): string => of([text, text.toUpperCase(), `${text} `, ` ${text}`, text], random.bits());
    const title = `${of(["Red", "Blue", "Grün"], item)} ${of(["Boots", "Jacke", "Shirt", "Coat"], item >> 1)}, "size" ${item}`;
    const brand = item % 7 === 0 ? of(["NaN", ""], random.bits()) : spell(of(BRANDS, item));
    const tags = tagsOf(item).map((tag) => `'${tag}'`);
    const shown = new Date(time).toISOString();
    rows.push([
      (random.bits() + 2 ** 32).toString(16) + rows.length.toString(16),
      ...[shown, `u${1000 + user}`, spell(of(COUNTRIES, user)), of(DEVICES, random.bits()), 100_000 + item, title],
      ...[`${item + 9},${10 + (item % 90)}`, `[${tags.join(", ")}]`, brand, 1 + (random.bits() % 20)],
      ...[click ? new Date(time + 5000).toISOString() : "", click ? 1 : 0],
    ]);
  }
  return csv(rows, ",");
}

/**
 * A European office's CSV: semicolons, times such as 31.12.2024 23:59, thousands points, tags between bars, ids with
 * zeros before them, yes and no, a name beside each code, a column that is always the same, ids like 3.0.
 */
export function officeLog(records: number, seed = 2): string {
  const head = [
    "Zeit",
    "Kunde",
    "Artikel",
    "Artikelname",
    "Umsatz",
    "Preis",
    "Tags",
    "Filiale",
    "Filialname",
    "Segment",
  ];
  const rows: (string | number)[][] = [[...head, "Mandant", "Klick"]];
  for (const { random, time, user, item, click } of impressions(records, seed)) {
    const date = new Date(time);
    const two = (x: number): string => String(x).padStart(2, "0");
    const day = `${two(date.getUTCDate())}.${two(date.getUTCMonth() + 1)}.${date.getUTCFullYear()}`;
    const revenue = Math.floor(Math.exp(3 + 8 * random.uniform()));
    const shop = user % 9;
    rows.push([
      ...[`${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`, String(user).padStart(6, "0")],
      ...[String(item).padStart(5, "0"), `Artikel Nr. ${item}`, revenue.toLocaleString("de-DE")],
      ...[`${((item + 1) * 37).toLocaleString("de-DE")},${two(item % 100)}`, tagsOf(item).join("|"), `F${shop}`],
      ...[`Filiale ${shop}`, user % 11 === 0 ? "-" : `${user % 4}.0`, "M1", click ? "ja" : "nein"],
    ]);
  }
  return csv(rows, ";");
}

/**
 * A service's JSON lines: milliseconds since 1970, booleans, arrays, keys that lines lack, a nested object, the weight
 * of each record, and counts over six orders of magnitude.
 */
export function serviceLog(records: number, seed = 3): string {
  const lines: string[] = [];
  for (const { random, time, user, item, click } of impressions(records, seed)) {
    const line = {
      clicked: click,
      eventTime: time,
      userId: 7_000_000_000 + user,
      ...(user % 6 !== 0 && { country: of(COUNTRIES, user).toUpperCase() }),
      premium: user % 3 === 0,
      adId: `ad-${item}`,
      adViews: Math.floor(Math.exp(14 * random.uniform())),
      ...(item % 5 !== 0 && { topics: tagsOf(item) }),
      client: { os: "linux" },
      sampleWeight: user % 2 === 0 ? 1 : 0.5,
    };
    lines.push(JSON.stringify(line));
  }
  return `${lines.join("\n")}\n`;
}
