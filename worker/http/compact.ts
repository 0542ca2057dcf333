import { BodyList } from "./body-list.ts";
import { readCbor } from "./cbor.ts";
import { columnList } from "./column-list.ts";
import { ValueList } from "./value-list.ts";

interface Compact {
  value: unknown;
  /** The lists in it. */
  found: BodyList[];
}

/**
 * Reads a body in the compact form: CBOR, whose lists of records are columns. `reserve` is told what memory it takes.
 * Throws BodyError where it is no such CBOR, and RequestError where columns do not fit together.
 */
export function readCompact(bytes: Uint8Array, lists: readonly string[], reserve: (bytes: number) => void): Compact {
  const body = readCbor(bytes, reserve);
  if (typeof body !== "object" || body === null || Array.isArray(body)) return { value: body, found: [] };
  const found: BodyList[] = [];
  const members = Object.entries(body).map(([name, given]) => {
    if (!lists.includes(name)) return [name, given];
    const isList = (Array.isArray(given) || ArrayBuffer.isView(given)) && !RECORD_LISTS.has(name);
    const list = isList ? new ValueList(given as unknown[], bytes.length) : columnList(given, name, bytes.length);
    if (list instanceof BodyList) found.push(list);
    return [name, list];
  });
  return { value: Object.fromEntries(members), found };
}

/** Lists whose elements are records, which come as columns alone. */
const RECORD_LISTS: ReadonlySet<string> = new Set(["records", "candidates"]);
