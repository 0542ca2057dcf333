import type { RawValue } from "../../format/raw-value.ts";
import { startsWithMark } from "../http/json-bytes.ts";
import { MAX_RERANK_ITEMS } from "../limits.ts";
import type { JsonListPlan } from "./compiled-routes.ts";
import { type Item, movableItems, permuted } from "./item-list.ts";
import { elementsAt, idAt, rawValueAt, type Span, valueAt } from "./json-spans.ts";
import type { ListOrders } from "./list-orders.ts";
import type { Why } from "./why.ts";

/**
 * A document with its lists permuted: their elements are moved as they are written, and everything else stays. All
 * orders are asked for at once. Returns the first reason why a list is not in its order; null: all are.
 */
export async function orderLists(
  document: Uint8Array<ArrayBuffer>,
  plans: readonly JsonListPlan[],
  orders: ListOrders,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; why: Why | null }> {
  const found = withoutNested(plans.map((plan) => ({ plan, list: listOf(document, plan) })));
  const asked = await Promise.all(
    found.map(async ({ plan, list }) => {
      const movable = "items" in list ? movableItems(list.items) : [];
      return { plan, list, movable, arranged: "why" in list ? list : await orders.of(plan.name, movable) };
    }),
  );
  let bytes = document;
  let first: Why | null = null;
  for (const { plan, movable, arranged } of asked) {
    const why = "why" in arranged ? arranged.why : null;
    // A list's span stays where it is when another is permuted, as no list is within another.
    if ("shown" in arranged) bytes = permuted(bytes, 0, movable, arranged.shown);
    first ??= why;
    orders.sent(plan.name, why);
  }
  return { bytes, why: first };
}

type Listed = { items: Item[]; span: Span } | { why: Why };

function listOf(document: Uint8Array, plan: JsonListPlan): Listed {
  try {
    const span = valueAt(document, startsWithMark(document) ? 3 : 0, plan.list);
    const spans = span && elementsAt(document, span.start);
    if (!span || !spans) return { why: "no-match" };
    if (spans.length > MAX_RERANK_ITEMS) return { why: "too-long" };
    return { span, items: spans.map((one) => itemOf(document, one, plan)) };
  } catch {
    return { why: "parser" };
  }
}

/** Throws BodyError where the element is no JSON. */
function itemOf(document: Uint8Array, span: Span, { id, fields }: JsonListPlan): Item {
  const element = document.subarray(0, span.end);
  const read = (pointer: readonly string[]): RawValue => {
    const value = valueAt(element, span.start, pointer);
    return value ? rawValueAt(element, value) : undefined;
  };
  const record: Item["record"] = {};
  for (const [field, pointer] of fields) {
    const value = read(pointer);
    if (value !== undefined) record[field] = value;
  }
  const named = valueAt(element, span.start, id);
  return { ...span, id: named && idAt(element, named), record };
}

/** A list within another one is not looked at, as on pages. */
function withoutNested<Found extends { list: Listed }>(found: readonly Found[]): Found[] {
  const taken: Span[] = [];
  return found.map((one) => {
    if ("why" in one.list) return one;
    const { span } = one.list;
    if (taken.some(({ start, end }) => span.start < end && start < span.end))
      return { ...one, list: { why: "no-match" } };
    taken.push(span);
    return one;
  });
}
