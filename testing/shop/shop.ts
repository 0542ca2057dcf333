import { Random } from "../../trainer/data/random.ts";
import { sigmoid } from "../../trainer/metrics/metrics.ts";

// A shop whose visitors' tastes are known: what each of them would do is a number, so that an experiment's result can
// be compared with the truth. Its own order of a shelf is by price, the cheapest first, whoever looks at it.

const SEGMENTS = ["runners", "parents", "gardeners", "students", "cooks", "cyclists"] as const;
const DEVICES = ["phone", "desktop"] as const;
const CATEGORIES = ["shoes", "toys", "tools", "books", "pans", "bikes", "lamps", "plants"] as const;
const BRANDS = Array.from({ length: 12 }, (_, i) => `brand${i}`);
const ITEMS = 240;
const SHELVES = 40;
/** Items of a shelf: a page's list. */
export const SHELF_ITEMS = 20;
/** Prices are in whole cents. */
const ITEM_CENTS = 100;

export interface Item {
  id: string;
  category: string;
  brand: string;
  /** In whole cents / 100. */
  price: number;
}

/** Somebody who looks at shelves; the Worker is told all of it but the id's own likes. */
export interface Visitor {
  id: string;
  segment: string;
  device: string;
}

/** A shop with its items, its shelves and what its visitors like. The same seed makes the same shop. */
export class Shop {
  readonly items: readonly Item[];
  /** [SHELVES]: a shelf's items in the shop's own order. */
  readonly shelves: readonly (readonly Item[])[];
  readonly #seed: number;
  readonly #appeal = new Map<string, number>();
  readonly #taste = new Map<string, number>();

  constructor(seed: number) {
    const random = new Random(seed);
    this.#seed = seed;
    this.items = Array.from({ length: ITEMS }, (_, i): Item => {
      this.#appeal.set(`item${i}`, 0.7 * random.normal());
      return {
        id: `item${i}`,
        category: CATEGORIES[random.integer(CATEGORIES.length)],
        brand: BRANDS[random.integer(BRANDS.length)],
        price: Math.round(ITEM_CENTS * Math.exp(3 + 0.7 * random.normal())) / ITEM_CENTS,
      };
    });
    for (const segment of SEGMENTS) {
      for (const category of CATEGORIES) this.#taste.set(`${segment} ${category}`, 1.3 * random.normal());
      for (const brand of BRANDS) this.#taste.set(`${segment} ${brand}`, 0.5 * random.normal());
    }
    this.shelves = Array.from({ length: SHELVES }, () => {
      const numbers = Uint32Array.from({ length: ITEMS }, (_, i) => i);
      random.shuffle(numbers);
      const items = Array.from(numbers.subarray(0, SHELF_ITEMS), (i) => this.items[i]);
      return items.sort((a, b) => a.price - b.price);
    });
  }

  /** The n-th visitor. */
  visitor(n: number): Visitor {
    const random = new Random(this.#seed ^ Math.imul(n + 1, 0x9e3779b1));
    return {
      id: `visitor${n}`,
      segment: SEGMENTS[random.integer(SEGMENTS.length)],
      device: DEVICES[random.integer(DEVICES.length)],
    };
  }

  /** The probability that a visitor who looks at an item clicks it. */
  clickProbability({ segment, device }: Visitor, { id, category, brand, price }: Item): number {
    const own = (key: string): number => this.#taste.get(`${segment} ${key}`) ?? 0;
    const cheap = device === "phone" ? -0.01 * price : 0;
    return sigmoid(-2.2 + (this.#appeal.get(id) ?? 0) + own(category) + own(brand) + cheap);
  }

  /** Clicks that are expected of a list, whose slots are looked at as `looksAt` says. */
  expectedClicks(visitor: Visitor, list: readonly Item[]): number {
    return list.reduce((sum, item, slot) => sum + looksAt(slot) * this.clickProbability(visitor, item), 0);
  }
}

/** The probability that a visitor looks at a list's slot, counted from 0. */
export function looksAt(slot: number): number {
  return 1 / (1 + 0.35 * slot);
}
