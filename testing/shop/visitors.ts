import { Random } from "../../trainer/data/random.ts";
import type { Task } from "../../trainer/terminal/progress.ts";
import { type Item, looksAt, type Shop, type Visitor } from "./shop.ts";

/** What visitors saw and did, as they themselves know it. */
export interface Visits {
  lists: number;
  clicks: number;
  /** Lists by visitor and shelf, in the order in which they were asked for. */
  asked: readonly Visit[];
}

export interface Visit {
  visitor: Visitor;
  shelf: number;
}

export interface VisitOptions {
  visitors: number;
  /** Shelves that each looks at. */
  shelves: number;
  seed: number;
  /** Requests at the same time. */
  connections: number;
}

/** Who looks at which shelf. */
export function plannedVisits(shop: Shop, { visitors, shelves, seed }: VisitOptions): Visit[] {
  const random = new Random(seed);
  return Array.from({ length: visitors }, (_, n) => shop.visitor(n)).flatMap((visitor) =>
    Array.from({ length: shelves }, () => ({ visitor, shelf: random.integer(shop.shelves.length) })),
  );
}

/**
 * Lets visitors look at shelves through the Worker, half of them as pages and half as documents, and click what they
 * like of what they look at. Throws where an answer is not a shelf with all of its items.
 */
export async function sendVisitors(url: URL, shop: Shop, options: VisitOptions, task: Task): Promise<Visits> {
  const asked = plannedVisits(shop, options);
  const random = new Random(options.seed + 1);
  // Drawn before any request is sent, so that it does not depend on which is answered first.
  const draws = asked.map(() => Array.from({ length: 2 * shop.shelves[0].length }, () => random.uniform()));
  let [next, clicks] = [0, 0];
  const work = async (): Promise<void> => {
    for (let i = next++; i < asked.length; i = next++) {
      const own = await lookAt(url, shop, asked[i], i % 2 === 0, draws[i]);
      clicks += own; // what it was before the wait may be old
      task.advance(1);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, work));
  return { lists: asked.length, clicks, asked };
}

async function lookAt(
  url: URL,
  shop: Shop,
  { visitor, shelf }: Visit,
  isPage: boolean,
  draws: readonly number[],
): Promise<number> {
  const { id, segment, device } = visitor;
  const headers = { cookie: `uid=${id}; segment=${segment}; device=${device}` };
  const response = await fetch(new URL(isPage ? `/shelf/${shelf}` : `/api/shelf/${shelf}`, url), { headers });
  const text = await response.text();
  const shown = isPage ? itemsOfPage(text, shop) : itemsOfDocument(text);
  const expected = shop.shelves[shelf].length;
  if (response.status !== 200 || new Set(shown.map((item) => item.id)).size !== expected)
    throw new Error(`shelf ${shelf}: got ${response.status} and ${shown.length} items, expected ${expected}`);
  const clicked = shown.filter(
    (item, slot) => draws[2 * slot] < looksAt(slot) && draws[2 * slot + 1] < shop.clickProbability(visitor, item),
  );
  const [, list] = /list-shelf;desc="([\w-]+)"/.exec(response.headers.get("server-timing") ?? "") ?? [];
  if (list !== undefined && clicked.length > 0) await report(url, list, clicked);
  return clicked.length;
}

/** As a script of the page would with `navigator.sendBeacon`. */
async function report(url: URL, id: string, clicked: readonly Item[]): Promise<void> {
  const events = clicked.map((item) => ({ id, type: "click", item: item.id }));
  const headers = { "content-type": "text/plain" };
  const response = await fetch(new URL("/v1/events", url), {
    method: "POST",
    headers,
    body: JSON.stringify({ events }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`events: got ${response.status} ${text}`);
}

function itemsOfPage(html: string, shop: Shop): Item[] {
  const ids = Array.from(html.matchAll(/<li class="item" data-id="([\w-]+)"/g), ([, id]) => id);
  return ids.map((id) => shop.items[Number(id.slice("item".length))]);
}

function itemsOfDocument(text: string): Item[] {
  return (JSON.parse(text) as { items: Item[] }).items;
}
