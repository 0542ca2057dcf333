import { MAX_PLACE } from "../../format/errors.ts";
import { pointerOf } from "../../format/json-pointer.ts";

/** A list or member of the body, an element of the list, and a key of it or of the member. */
const PLACE = /^(\w+)(?:\[(\d+)\])?(?:\.(.*))?$/s;

/**
 * The JSON pointer (RFC 6901) of a place such as `records[3].age`, `context.site`, `body: k`, or of all of the body. A
 * key that is too long to be shown whole has the pointer of what it is in.
 */
export function jsonPointer(place: string): string {
  const member = /^body: (.*)$/s.exec(place)?.[1];
  if (member !== undefined) return isCut(place) ? "" : pointerOf([member]);
  const [, list, index, key] = PLACE.exec(place) ?? [];
  if (list === undefined || place === "body") return "";
  return pointerOf([list, index, isCut(place) ? undefined : key].filter((name) => name !== undefined));
}

function isCut(place: string): boolean {
  return place.length >= MAX_PLACE && place.endsWith("...");
}
