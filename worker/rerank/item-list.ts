import { candidateIdFault } from "../../format/exposure.ts";
import type { RawValue } from "../../format/raw-value.ts";
import type { FoundList } from "./arranging.ts";

/** An item of a list: where its bytes are, and what is known of it. */
export interface Item {
  /** The first byte, and the one after the last; positions in whatever the list was found in. */
  start: number;
  end: number;
  /** Null: it has none, so that it stays where it is. */
  id: string | null;
  record: Record<string, RawValue>;
}

/**
 * Of a list's items those that may move: the first of each id that the log can have. The others stay in their slots.
 */
export function movableItems(items: readonly Item[]): Item[] {
  const seen = new Set<string>();
  return items.filter(({ id }) => {
    if (id === null || seen.has(id) || candidateIdFault(id) !== null) return false;
    seen.add(id);
    return true;
  });
}

export function foundList(name: string, movable: readonly Item[]): FoundList {
  return { name, ids: movable.map(({ id }) => id ?? ""), items: movable.map(({ record }) => record) };
}

/** Whether the spans of items lie within [from, to), one after the other. */
export function areInOrder(items: readonly Item[], from: number, to: number): boolean {
  let at = from;
  for (const { start, end } of items) {
    if (start < at || end < start || end > to) return false;
    at = end;
  }
  return true;
}

/**
 * The bytes of `list` with the spans of its movable items permuted: slot j gets the bytes of item shown[j]. All bytes
 * between the spans stay, in their order. `from`: the position that the list's first byte has in the items' spans.
 */
export function permuted(
  list: Uint8Array,
  from: number,
  movable: readonly Item[],
  shown: readonly number[],
): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(list.length);
  let at = 0;
  let read = 0;
  const copy = (start: number, end: number): void => {
    result.set(list.subarray(start, end), at);
    at += end - start;
  };
  for (const [slot, { start, end }] of movable.entries()) {
    copy(read, start - from);
    const moved = movable[shown[slot] as number] as Item;
    copy(moved.start - from, moved.end - from);
    read = end - from;
  }
  copy(read, list.length);
  return result;
}
