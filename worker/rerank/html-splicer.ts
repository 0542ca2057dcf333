import { MAX_RERANK_LIST_BYTES, RERANK_PART_BYTES, RERANK_READ_BYTES } from "../limits.ts";
import type { Lease } from "../memory/memory-budget.ts";
import type { Arranged } from "./arranging.ts";
import type { HtmlListPlan } from "./compiled-routes.ts";
import { HeldBytes, joined } from "./held-bytes.ts";
import { areInOrder, movableItems, permuted } from "./item-list.ts";
import { ListMarker } from "./list-marker.ts";
import type { ListOrders } from "./list-orders.ts";
import type { MarkedList } from "./marked-list.ts";
import { type MarkScanner, Marks } from "./marks.ts";
import { breakOff, type OriginBody } from "./origin-body.ts";
import type { Why } from "./why.ts";

export interface HtmlSplicerOptions {
  lists: readonly HtmlListPlan[];
  /** The `content-type` of the page, by whose charset attributes are read. */
  contentType: string;
  orders: ListOrders;
  /** Takes what is held, and ends with the parser. */
  lease: Lease;
  /** Where the page goes. */
  out: WritableStream<Uint8Array>;
  /** The parser. Tests hand one in that fails. */
  rewriter?: HTMLRewriter;
}

/** Bytes of memory beside what is held: the parser's own, and the part that is being read. */
const BASE_BYTES = 128 * 2 ** 10;
/** Bytes of memory for a byte of a list that is permuted: itself in chunks, as one, and in its order. */
const LIST_COPIES = 3;
/** The lease grows in steps, since it is not worth its time for each part. */
const LEASE_STEP = 64 * 2 ** 10;

/** A list whose first mark has come out of the parser, and whose last has not. */
interface OpenList {
  marked: MarkedList;
  /** Its position in the page. */
  start: number;
}

/**
 * Streams a page with its lists permuted. The parser only says where lists and items are: it puts marks around them,
 * and what comes out of it is compared with what went in and dropped. What goes out are the origin's own bytes, those
 * outside of lists as soon as the parser has passed them. So at any moment what is out is, but for the order within
 * lists, a prefix of what came in. Whatever fails, the rest follows as it came, from that very byte; and after the last
 * list there is no parser any more.
 */
export class HtmlSplicer {
  readonly #orders: ListOrders;
  readonly #lease: Lease;
  readonly #held = new HeldBytes();
  readonly #marker: ListMarker;
  readonly #scanner: MarkScanner;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #parsed: ReadableStreamBYOBReader;
  readonly #out: WritableStreamDefaultWriter<Uint8Array>;
  #parsing = true;
  readonly #stopped = Promise.withResolvers<void>();
  /** How many lists have begun, by the marks that have come out of the parser. */
  #lists = 0;
  #list: OpenList | null = null;
  /** What was written last. Writes settle in their order. */
  #written: Promise<void> = Promise.resolve();

  /** Throws where the parser cannot read pages of that charset. */
  constructor({ lists, contentType, orders, lease, out, rewriter = new HTMLRewriter() }: HtmlSplicerOptions) {
    this.#orders = orders;
    this.#lease = lease;
    const marks = new Marks();
    this.#scanner = marks.scanner();
    this.#marker = new ListMarker(lists, marks);
    const { readable, writable } = new IdentityTransformStream();
    const page = new Response(readable, { headers: { "content-type": contentType } });
    const { body } = this.#marker.addTo(rewriter).transform(page);
    this.#parsed = (body as ReadableStream).getReader({ mode: "byob" });
    this.#input = writable.getWriter();
    this.#out = out.getWriter();
  }

  /** Streams the page. Rejects where the origin breaks off, or the visitor has gone. */
  async run(origin: OriginBody): Promise<void> {
    this.#lease.defer(() => this.#stop("memory"));
    try {
      await Promise.all([this.#feed(origin), this.#follow()]);
      await this.#out.close();
    } catch (error) {
      this.#stop("origin");
      origin.cancel(error);
      await breakOff(this.#out, error);
      throw error;
    } finally {
      this.#lease.end();
    }
  }

  /** Hands what the origin sends to the parser, and keeps it until the parser has passed it. */
  async #feed(origin: OriginBody): Promise<void> {
    for (;;) {
      const part = await origin.read(RERANK_PART_BYTES).catch((error) => this.#breakOff(error));
      if (part === null) break;
      if (!this.#parsing) {
        await this.#write([part]);
        continue;
      }
      this.#held.append(part);
      const why = this.#whyTooMuch();
      if (why) this.#stop(why);
      else await this.#handOver(this.#input.write(part));
    }
    if (this.#parsing) await this.#handOver(this.#input.close());
    await this.#written;
  }

  /** Has the visitor get all that the origin has sent before it broke off, as without re-ranking. */
  async #breakOff(error: unknown): Promise<never> {
    this.#stop("origin");
    await this.#written;
    throw error;
  }

  /** Waits until the parser has taken something, or is not needed any more. */
  #handOver(taken: Promise<void>): Promise<void> {
    return Promise.race([taken.catch(() => this.#stop("parser")), this.#stopped.promise]);
  }

  /** Why no more may be held; null where it may. */
  #whyTooMuch(): Why | null {
    const { size } = this.#held;
    // Beside a list that has ended, and waits for its order, there is the part in which it ended.
    if (size > MAX_RERANK_LIST_BYTES + RERANK_PART_BYTES) return this.#marker.open ? "too-long" : "parser";
    return this.#reserve(size) ? null : "memory";
  }

  /** Takes memory for so many bytes of the page. */
  #reserve(bytes: number): boolean {
    const wanted = BASE_BYTES + Math.ceil(bytes / LEASE_STEP) * LEASE_STEP;
    return wanted <= this.#lease.bytes || this.#lease.tryResize(wanted);
  }

  /** Reads what comes out of the parser, and lets go of what it has passed. */
  async #follow(): Promise<void> {
    let view = new Uint8Array(RERANK_READ_BYTES);
    while (this.#parsing) {
      const reading = this.#list ? this.#parsed.readAtLeast(view.length, view) : this.#parsed.read(view);
      const read = await reading.catch(() => null);
      if (!this.#parsing) return;
      if (read === null) return this.#stop("parser");
      if (read.value) await this.#pass(read.value);
      if (read.done) return this.#stop(null);
      view = new Uint8Array(read.value.buffer);
    }
  }

  async #pass(part: Uint8Array): Promise<void> {
    let same = true;
    const marks = this.#scanner.scan(part, (...span) => {
      same &&= this.#held.has(...span);
    });
    if (!same) return this.#stop("parser");
    for (const mark of marks) {
      if (mark.kind === "list-start") this.#begin(mark.at);
      else if (mark.kind === "list-end" && this.#list) await this.#end(this.#list, mark.at);
      else this.#list?.marked.pass(mark, this.#held);
      if (!this.#parsing) return;
    }
    await this.#write(this.#held.take(this.#list?.start ?? this.#scanner.position));
  }

  #begin(start: number): void {
    const marked = this.#marker.begun[this.#lists++];
    if (marked) this.#list = { marked, start };
  }

  /** Lets a list go as soon as it has its order. */
  async #end(list: OpenList, end: number): Promise<void> {
    const { marked, start } = list;
    marked.close(end);
    const arranging = this.#arrange(marked);
    await this.#write(this.#held.take(start));
    const arranged = await arranging;
    if (!this.#parsing) return;
    this.#list = null;
    // What is taken is written before anything is awaited, as no other write may come between.
    this.#write(this.#inOrder(marked, this.#held.take(end), start, arranged));
    if (this.#lists === this.#marker.lists.length) this.#stop(null);
    await this.#written;
  }

  #inOrder({ plan, items }: MarkedList, chunks: Uint8Array[], start: number, arranged: Arranged): Uint8Array[] {
    const end = this.#held.start;
    const movable = movableItems(items);
    let order = arranged;
    // No more is believed of the parser than can be seen: spans that overlap would double bytes.
    if ("shown" in order && !areInOrder(movable, start, end)) order = { why: "parser" };
    else if ("shown" in order && !this.#reserve(this.#held.size + LIST_COPIES * (end - start)))
      order = { why: "memory" };
    this.#orders.sent(plan.name, "why" in order ? order.why : null);
    return "why" in order ? chunks : [permuted(joined(chunks), start, movable, order.shown)];
  }

  async #arrange({ plan, items, fault }: MarkedList): Promise<Arranged> {
    return fault ? { why: fault } : this.#orders.of(plan.name, movableItems(items));
  }

  /** From here on the page goes out as it comes. `why`: null where the parser has done its work. */
  #stop(why: Why | null): void {
    if (!this.#parsing) return;
    this.#parsing = false;
    if (this.#list ?? this.#marker.open)
      this.#orders.sent((this.#list?.marked ?? this.#marker.open)?.plan.name ?? "", why ?? "unclosed");
    this.#orders.sentAll(why ?? "no-match");
    this.#write(this.#held.take(this.#held.end));
    this.#stopped.resolve();
    this.#input.abort().catch(() => {});
    this.#parsed.cancel().catch(() => {});
    this.#lease.end();
  }

  /** Rejects where the visitor has gone. */
  #write(chunks: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) {
      const written = this.#out.write(chunk);
      written.catch(() => {});
      this.#written = written;
    }
    return this.#written;
  }
}
