import { integer, seeded } from "../../../testing/format/random.ts";
import type { HandMadePage } from "../../../testing/rerank/hand-made-pages.ts";
import { bytesOf, type KnownPage, randomPage, shuffled } from "../../../testing/rerank/random-page.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { RerankCounters } from "../../../worker/metrics/rerank-counters.ts";
import type { Arranging, FoundList } from "../../../worker/rerank/arranging.ts";
import { compileRoutes } from "../../../worker/rerank/compiled-routes.ts";
import { HtmlSplicer } from "../../../worker/rerank/html-splicer.ts";
import { ListOrders } from "../../../worker/rerank/list-orders.ts";
import { OriginBody } from "../../../worker/rerank/origin-body.ts";
import type { Why } from "../../../worker/rerank/why.ts";

/** How a page is sent, and what goes wrong. */
export interface Sending {
  /** Bytes of the next chunk. */
  chunk: () => number;
  random: () => number;
  /** The parser fails at this token, counted from 0. */
  failAt?: number;
  budgetMs?: number;
  /** In place of the runtime's as it is. */
  rewriter?: HTMLRewriter;
  arrange?: Arranging["arrange"];
}

export interface Spliced {
  bytes: Uint8Array;
  /** By list: why it is in the origin's order; null where it is not. */
  sent: Map<string, Why | null>;
  found: FoundList[];
  /** By list: the order that it was given. */
  orders: Map<string, number[]>;
  /** Tokens that the parser has seen, where it was to fail. */
  tokens: number;
  /** Bytes of memory that are still taken. */
  leaked: number;
}

/** Sends a page through the splicer, its lists in random orders. */
export async function splice(page: KnownPage, sending: Sending): Promise<Spliced> {
  const { chunk, random, failAt, budgetMs = 10_000 } = sending;
  const sent = new Map<string, Why | null>();
  const orders = new Map<string, number[]>();
  const found: FoundList[] = [];
  const arranging: Arranging = {
    async arrange(list) {
      found.push(list);
      if (sending.arrange) return sending.arrange(list);
      const shown = shuffled(random, [...list.ids.keys()]);
      orders.set(list.name, shown);
      return { shown };
    },
    sent(list, why) {
      if (sent.has(list)) throw new Error(`${list}: got an end again, expected one`);
      sent.set(list, why);
    },
  };
  const [route] = compileRoutes([{ path: "/", lists: page.lists }]);
  const failing = failAt === undefined ? null : failingParser(failAt);
  const memory = new MemoryBudget(Date.now);
  const through = new IdentityTransformStream();
  const names = page.lists.map(({ name }) => name);
  const splicer = new HtmlSplicer({
    lists: route.html,
    contentType: page.contentType,
    orders: new ListOrders(arranging, names, budgetMs, new RerankCounters()),
    lease: memory.lease("requests"),
    out: through.writable,
    ...(sending.rewriter && { rewriter: sending.rewriter }),
    ...(failing && { rewriter: failing.rewriter }),
  });
  const origin = new OriginBody(inChunks(bytesOf(page.segments.map(({ bytes }) => bytes)), chunk));
  const [bytes] = await Promise.all([new Response(through.readable).bytes(), splicer.run(origin)]);
  return { bytes, sent, found, orders, tokens: failing?.tokens() ?? 0, leaked: memory.report().taken.requests };
}

function inChunks(bytes: Uint8Array, chunk: () => number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const end = at + chunk();
      controller.enqueue(bytes.slice(at, end));
      at = end;
    },
  });
}

/** A parser that counts the tokens that it sees, and throws at one of them. */
function failingParser(failAt: number): { rewriter: HTMLRewriter; tokens: () => number } {
  let tokens = 0;
  const onToken = (): void => {
    if (tokens++ === failAt) throw new Error("forced");
  };
  const rewriter = new HTMLRewriter()
    .onDocument({ doctype: onToken, comments: onToken, text: onToken, end: onToken })
    .on("*", {
      element(element) {
        onToken();
        try {
          element.onEndTag(onToken);
        } catch (error) {
          if (!String(error).includes("No end tag")) throw error;
        }
      },
    });
  return { rewriter, tokens: () => tokens };
}

/** What a page must be whose lists have these orders; the others are as they came. */
export function expectedPage({ segments }: KnownPage, { sent, orders }: Pick<Spliced, "sent" | "orders">): Uint8Array {
  const bytes = segments.map((segment) => segment.bytes);
  for (const [list, shown] of orders) {
    if (sent.get(list) !== null) continue;
    const slots = [...segments.keys()].filter((i) => segments[i].list === list);
    for (const [slot, index] of shown.entries()) bytes[slots[slot]] = segments[slots[index]].bytes;
  }
  return bytesOf(bytes);
}

/** The ids of a page's list. */
export function idsOf({ segments }: KnownPage, name: string): string[] {
  return segments.flatMap(({ list, id }) => (list === name && id !== null ? [id] : []));
}

/** What is wrong with a page that was sent; null: nothing. */
export function faultOf(page: KnownPage, spliced: Spliced): string | null {
  const expected = expectedPage(page, spliced);
  if (!sameBytes(expected, spliced.bytes)) return `${page.name}: got other bytes`;
  if (spliced.leaked !== 0) return `${page.name}: got ${spliced.leaked} bytes of memory still taken`;
  for (const { name } of page.lists) {
    if (!spliced.sent.has(name)) return `${page.name}: nothing was said of ${name}`;
    const found = spliced.found.find((list) => list.name === name);
    if (found && String(found.ids) !== String(idsOf(page, name))) return `${page.name}: ${name} has ids ${found.ids}`;
  }
  return null;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b);
}

/** What is wrong with hand-made pages that are sent in chunks of so many bytes. */
export async function faultsOfHandMade(pages: readonly HandMadePage[], chunks: readonly number[]): Promise<string[]> {
  const faults: string[] = [];
  for (const page of pages) {
    const bytes = page.segments.reduce((sum, segment) => sum + segment.bytes.length, 0);
    for (const size of chunks.length * bytes > LARGE ? [LARGE / 4] : chunks) {
      const spliced = await splice(page, { random: seeded(size), chunk: () => size });
      const whys = Object.fromEntries(spliced.sent);
      const fault = faultOf(page, spliced);
      if (fault) faults.push(`${fault} in chunks of ${size}`);
      for (const [list, why] of Object.entries(page.whys))
        if (whys[list] !== why) faults.push(`${page.name}: ${list} is ${whys[list]}, expected ${why}`);
    }
  }
  return faults;
}

/** Bytes of a page beyond which it is not sent in small chunks, and of a chunk of it. */
const LARGE = 64 * 2 ** 10;

/** What is wrong with generated pages, in chunks of 1 to 777 bytes. */
export async function faultsOfGenerated(seeds: number): Promise<{ faults: string[]; arranged: number }> {
  const faults: string[] = [];
  let arranged = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const random = seeded(seed);
    const page = randomPage(random, `seed ${seed}`);
    const spliced = await splice(page, { random, chunk: () => integer(random, 1, 777) });
    const fault = faultOf(page, spliced);
    if (fault) faults.push(fault);
    for (const { name } of page.lists) {
      const why = spliced.sent.get(name);
      if (why === null) arranged++;
      else if (why !== "no-match" || idsOf(page, name).length > 0) faults.push(`${page.name}: ${name} is ${why}`);
    }
  }
  return { faults, arranged };
}

/** What is wrong with a page when the parser fails, at each of its tokens in turn. `failures`: how often it did. */
export async function faultsOfFailing(page: KnownPage): Promise<{ faults: string[]; failures: number }> {
  const faults: string[] = [];
  let failures = 0;
  for (let failAt = 0; ; failAt++) {
    const random = seeded(failAt);
    const spliced = await splice(page, { random, chunk: () => integer(random, 1, 777), failAt });
    // The parser stops after the last list, and sees no more tokens then.
    if (spliced.tokens <= failAt) return { faults, failures };
    const fault = faultOf(page, spliced);
    if (fault) faults.push(`${fault} with a failure at token ${failAt}`);
    if ([...spliced.sent.values()].includes("parser")) failures++;
  }
}
