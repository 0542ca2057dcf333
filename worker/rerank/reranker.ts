import type { KeepAlive } from "../http/keep-alive.ts";
import { logError } from "../http/log.ts";
import { settledWithin } from "../http/promises.ts";
import { MAX_RERANK_JSON_BYTES, RERANK_BEGIN_MS, RERANK_LEASE_MS, RERANK_PART_BYTES } from "../limits.ts";
import type { Lease, MemoryBudget } from "../memory/memory-budget.ts";
import type { RerankCounters } from "../metrics/rerank-counters.ts";
import type { AskedPage, BeginArranging, Begun } from "./arranging.ts";
import type { CompiledRoute } from "./compiled-routes.ts";
import { HeldBytes, joined } from "./held-bytes.ts";
import { HtmlSplicer } from "./html-splicer.ts";
import { orderLists } from "./json-lists.ts";
import { ListOrders } from "./list-orders.ts";
import { askOrigin, isBinding, markPersonal, wholePage } from "./origin.ts";
import { breakOff, OriginBody } from "./origin-body.ts";
import { contextOf } from "./page-context.ts";
import { isUtf8, type PageKind, pageKind } from "./page-kind.ts";
import type { OriginSetting } from "./rerank-bindings.ts";
import type { Why } from "./why.ts";

/** A request for a page of a route. */
export interface PageRequest {
  request: Request;
  route: CompiledRoute;
  /** The named groups of the route's path. */
  groups: Readonly<Record<string, string | undefined>>;
  origin: OriginSetting;
  env: object;
  keepAlive: KeepAlive;
}

/** Answers requests for pages with what the origin sends, their lists in other orders. */
export class Reranker {
  readonly #begin: BeginArranging;
  readonly #memory: MemoryBudget;
  readonly #counters: RerankCounters;

  constructor(begin: BeginArranging, memory: MemoryBudget, counters: RerankCounters) {
    this.#begin = begin;
    this.#memory = memory;
    this.#counters = counters;
  }

  /** Asks the origin once, whatever happens, and never answers what it did not send. Rejects as the origin does. */
  async answer(page: PageRequest): Promise<Response> {
    const { request, route, groups, origin } = page;
    // A HEAD has no lists, and what else a method asks for is the origin's to do.
    if (request.method !== "GET") return askOrigin(request, origin);
    const begun = await this.#beginWithin({
      ...page,
      route: route.route,
      context: contextOf(request, route.context, groups),
    });
    const { arranging } = begun;
    if (arranging === null) {
      // An answer that is not modified would take no cookies with it.
      const response = await askOrigin(begun.cookies.length > 0 ? wholePage(request) : request, origin);
      return pageKind(response, route).kind ? withCookies(response, begun) : response;
    }
    const response = await askOrigin(wholePage(request), origin);
    const { kind, why } = pageKind(response, route);
    const lists = kind ? route[kind] : route.route.lists;
    const names = lists.map(({ name }) => name);
    const orders = new ListOrders(arranging, names, route.budgetMs, this.#counters);
    if (why === null) return withTimings(await this.#rerank(response, kind, page, orders), kind, begun);
    orders.sentAll(why);
    return kind ? withTimings(personal(response, response.body, why), kind, begun) : response;
  }

  /** Nothing is arranged where that cannot be known in time. */
  async #beginWithin(page: AskedPage): Promise<Begun> {
    try {
      const begun = this.#begin(page);
      if (!(begun instanceof Promise)) return begun;
      if (await settledWithin(begun, RERANK_BEGIN_MS)) return await begun;
      logError("rerank_begin_failed", `got nothing within ${RERANK_BEGIN_MS} ms`);
    } catch (error) {
      logError("rerank_begin_failed", error);
    }
    for (const _ of page.route.lists) this.#counters.add("experiment");
    return { arranging: null, cookies: [] };
  }

  async #rerank(response: Response, kind: PageKind, page: PageRequest, orders: ListOrders): Promise<Response> {
    const lease = this.#memory.lease("requests");
    try {
      const answer = kind === "html" ? rerankHtml : rerankJson;
      return await answer(response, page, orders, lease);
    } catch (error) {
      // Only a defect of ours comes here, before anything of the body was read.
      lease.end();
      orders.sentAll("parser");
      logError("rerank_failed", error);
      return personal(response, response.body, "parser");
    }
  }
}

/** The body, for whose parts the lease lasts as long as a list may then wait for its order. */
function bodyOf(body: ReadableStream, lease: Lease, { budgetMs }: CompiledRoute): OriginBody {
  return new OriginBody(body, () => lease.lasts(budgetMs + RERANK_LEASE_MS));
}

/** The answer streams: what its lists wait for begins when the parser has seen them. */
function rerankHtml(
  response: Response,
  { route, origin, keepAlive }: PageRequest,
  orders: ListOrders,
  lease: Lease,
): Response {
  const { body, headers } = response;
  const contentType = headers.get("content-type") ?? "";
  const { readable, writable } = passage(headers, origin);
  let splicer: HtmlSplicer;
  try {
    splicer = new HtmlSplicer({ ...{ lists: route.html, contentType, orders, lease }, out: writable });
  } catch {
    orders.sentAll("charset");
    lease.end();
    return personal(response, body, "charset");
  }
  if (body) keepAlive(splicer.run(bodyOf(body, lease, route)).catch(() => {}));
  return personal(response, readable, null);
}

/** The answer waits for the orders of all its lists, within their time. */
async function rerankJson(
  response: Response,
  { route, origin: from, keepAlive }: PageRequest,
  orders: ListOrders,
  lease: Lease,
): Promise<Response> {
  const { body, headers } = response;
  if (!body || !isUtf8(headers.get("content-type") ?? "")) {
    orders.sentAll("charset");
    return personal(response, body, "charset");
  }
  const origin = bodyOf(body, lease, route);
  const held = new HeldBytes();
  const { why, error } = await readWhole(origin, held, lease);
  const chunks = held.take(held.end);
  if (why !== null) {
    orders.sentAll(why);
    lease.end();
    const { readable, writable } = passage(headers, from);
    keepAlive(passOn(chunks, origin, error, writable).catch(() => {}));
    return personal(response, readable, why);
  }
  using _ = lease;
  const ordered = await orderLists(joined(chunks), route.json, orders);
  return personal(response, ordered.bytes, ordered.why);
}

/** Bytes of memory for a byte of a document: itself in chunks, as one, and permuted. */
const DOCUMENT_COPIES = 3;

/** Reads a document into `held`. `why`: why all of it is not there. */
async function readWhole(
  origin: OriginBody,
  held: HeldBytes,
  lease: Lease,
): Promise<{ why: Why | null; error?: unknown }> {
  try {
    for (;;) {
      const part = await origin.read(RERANK_PART_BYTES);
      if (part === null) return { why: null };
      held.append(part);
      if (held.size > MAX_RERANK_JSON_BYTES) return { why: "too-long" };
      if (!lease.tryResize(DOCUMENT_COPIES * held.size)) return { why: "memory" };
    }
  } catch (error) {
    return { why: "origin", error };
  }
}

/** Sends what was read of an answer, and then the rest of it, or breaks off as the origin has. */
async function passOn(
  chunks: readonly Uint8Array[],
  origin: OriginBody,
  error: unknown,
  out: WritableStream<Uint8Array>,
): Promise<void> {
  const writer = out.getWriter();
  try {
    for (const chunk of chunks) await writer.write(chunk);
    if (error !== undefined) throw error;
    for (let part = await origin.read(RERANK_PART_BYTES); part; part = await origin.read(RERANK_PART_BYTES))
      await writer.write(part);
    await writer.close();
  } catch (reason) {
    origin.cancel(reason);
    await breakOff(writer, reason);
  }
}

/**
 * What a body goes through. A permutation has the length of what it permutes, so the origin's own is stated: HTTP holds
 * an origin to it. A Worker behind a binding may state any other, such as one that its own origin had, and visitors get
 * all of its body all the same.
 */
function passage(headers: Headers, origin: OriginSetting): IdentityTransformStream {
  const length = headers.get("content-length") ?? "";
  // The length of an encoded body is not that of the decoded one, and that of one in chunks counts for nothing.
  const isPlain = ["", "identity"].includes(headers.get("content-encoding") ?? "") && !headers.has("transfer-encoding");
  const isHeld = !isBinding(origin) && /^\d{1,15}$/.test(length);
  return isPlain && isHeld ? new FixedLengthStream(Number(length)) : new IdentityTransformStream();
}

/** The origin's answer with another body, and the headers of a page that is one visitor's. */
function personal(response: Response, body: BodyInit | null, why: Why | null): Response {
  const answer = new Response(body, response);
  markPersonal(answer.headers);
  // What was decoded to be read goes out as it is: to encode it again, the runtime would hold the page to its end.
  if (body !== response.body && answer.headers.has("content-encoding"))
    for (const name of ["content-encoding", "content-length"]) answer.headers.delete(name);
  if (why !== null) answer.headers.append("server-timing", `rerank;desc="${why}"`);
  return answer;
}

/** A page with the visitor's cookies, which no cache may keep for others, or else as it came. */
function withCookies(response: Response, { cookies }: Begun): Response {
  if (cookies.length === 0) return response;
  const answer = personal(response, response.body, null);
  for (const cookie of cookies) answer.headers.append("set-cookie", cookie);
  return answer;
}

/** A page that is one visitor's, with what scripts of it may know of its lists. */
function withTimings(page: Response, kind: PageKind, { timings = [], cookies, pageCookies = [] }: Begun): Response {
  for (const timing of timings) page.headers.append("server-timing", timing);
  for (const cookie of kind === "html" ? [...cookies, ...pageCookies] : cookies)
    page.headers.append("set-cookie", cookie);
  return page;
}
