import { toHex } from "../../format/hash.ts";
import type { MacKeys } from "../../format/mac.ts";
import { MAX_ATTRIBUTE } from "../../format/matching-steps.ts";
import { PREVIEW_PARAMETER, type Preview, readPreview } from "../../format/preview.ts";
import { LIST_COOKIE } from "../events/list-cookie.ts";
import { cookieIn, setCookie, signed, unsigned } from "./cookies.ts";
import type { ExperimentValues, UnitSource } from "./experiment-values.ts";
import { STICKY_COOKIE } from "./sticky-cookie.ts";
import { unitId } from "./unit-hash.ts";

// Who a request is from, as experiments see it: attributes, of which some are ids of units.

/** The cookie of an anonymous id. */
export const UNIT_COOKIE = "__Host-deepfm-unit";
const UNIT_PURPOSE = "unit cookie";
const ANONYMOUS_BYTES = 16;

/** All cookies by which the Worker knows a visitor. */
const STORED = [UNIT_COOKIE, STICKY_COOKIE, LIST_COOKIE] as const;

/** What is known of a request. */
export interface VisitorRequest {
  /** Null: it came without any. */
  headers: Headers | null;
  method: string;
  /** Null: it has none. */
  url: string | null;
  /** Fields of the context. */
  context: unknown;
}

export interface Visitor {
  attributes: Record<string, unknown>;
  /** Whether ids may be stored. */
  consents: boolean;
  /** Headers `set-cookie` that the answer needs. */
  cookies: string[];
  /** Null: none, or none that is signed. */
  preview: Preview | null;
}

/** Settings, keys and names of the attributes that units are hashed by. */
export interface VisitorOptions {
  values: ExperimentValues;
  keys: MacKeys;
  hashAttributes: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  now: number;
}

/** Finds out who a request is from. An id that is forged counts as absent. */
export function readVisitor(request: VisitorRequest, options: VisitorOptions): Visitor {
  const { values, hashAttributes } = options;
  const header = request.headers?.get("cookie") ?? null;
  const visitor: Visitor = {
    attributes: { ...fieldsOf(request.context) },
    consents: consents(header, values),
    cookies: withdrawnCookies(request, values),
    preview: previewOf(request.url, options),
  };
  const found = new Set<string>();
  for (const source of values.units) {
    const { attribute, from } = source;
    if (found.has(attribute)) continue;
    const value =
      from === "anonymous"
        ? anonymousId(header, visitor, hashAttributes.has(attribute), options)
        : valueIn(source, request, header);
    // A field of the context by that name is not an id that another place is configured for.
    if (value === null) delete visitor.attributes[attribute];
    else {
      found.add(attribute);
      visitor.attributes[attribute] = value;
    }
  }
  for (const [name, value] of Object.entries(visitor.attributes))
    if (leftOf(MAX_ATTRIBUTE, value) < 0) delete visitor.attributes[name];
  makeIds(visitor.attributes, hashAttributes);
  return visitor;
}

/**
 * Headers `set-cookie` that delete what the Worker has stored of a visitor who does not consent any more. A Worker that
 * neither asks for consent nor makes ids has stored nothing: what is there by such a name is another's of the host.
 */
export function withdrawnCookies({ headers }: VisitorRequest, values: ExperimentValues): string[] {
  const header = headers?.get("cookie") ?? null;
  if (values.consent === null && !values.units.some(({ from }) => from === "anonymous")) return [];
  if (consents(header, values)) return [];
  return STORED.filter((name) => cookieIn(header, name) !== null).map((name) => setCookie(name, null));
}

/** What is left of a number of characters when a value has its own; below 0 where it has more. */
function leftOf(characters: number, value: unknown): number {
  if (typeof value === "string") return characters - value.length;
  let left = characters - 1;
  if (typeof value !== "object" || value === null) return left;
  for (const inner of Object.values(value)) if (left >= 0) left = leftOf(left - 1, inner);
  return left;
}

function fieldsOf(context: unknown): object {
  return typeof context === "object" && context !== null && !Array.isArray(context) ? context : {};
}

function valueIn({ from, name }: UnitSource, { headers, context }: VisitorRequest, header: string | null): unknown {
  if (from === "cookie") return cookieIn(header, name) || null;
  if (from === "header") return headers?.get(name) || null;
  const fields = fieldsOf(context);
  return Object.hasOwn(fields, name) ? ((fields as Record<string, unknown>)[name] ?? null) : null;
}

/** Makes what units are hashed by an id, or takes it away where it is none. */
function makeIds(attributes: Record<string, unknown>, names: ReadonlySet<string>): void {
  for (const name of names) {
    if (!Object.hasOwn(attributes, name)) continue;
    const value = attributes[name];
    const id = unitId(value);
    if (id === null) delete attributes[name];
    // A number stays one, for conditions that compare it; but the library takes 0 for no id.
    else if (typeof value !== "number" || value === 0) attributes[name] = id;
  }
}

function consents(header: string | null, { consent }: ExperimentValues): boolean {
  if (consent === null) return false;
  const value = cookieIn(header, consent.cookie);
  if (value === null) return false;
  if (consent.isWhole ? value === consent.value : value.includes(consent.value)) return true;
  const plain = decoded(value);
  return consent.isWhole ? plain === consent.value : plain.includes(consent.value);
}

/** As the scripts that write such cookies escape them. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * The anonymous id of the Worker's own cookie; null without one. Where ids may be stored and `isNeeded`, there is one
 * from now on. Where they may not be, the one that is there counts for nothing.
 */
function anonymousId(
  header: string | null,
  { consents, cookies }: Visitor,
  isNeeded: boolean,
  { keys }: VisitorOptions,
): string | null {
  if (!consents) return null;
  const value = cookieIn(header, UNIT_COOKIE);
  const known = value === null ? null : unsigned(value, keys, UNIT_PURPOSE);
  if (known?.isNewest || (known === null && !isNeeded)) return known?.text ?? null;
  const id = known?.text ?? toHex(crypto.getRandomValues(new Uint8Array(ANONYMOUS_BYTES)));
  cookies.push(setCookie(UNIT_COOKIE, signed(id, keys, UNIT_PURPOSE)));
  return id;
}

function previewOf(url: string | null, { keys, now }: VisitorOptions): Preview | null {
  if (!url?.includes(PREVIEW_PARAMETER)) return null;
  const text = new URL(url).searchParams.get(PREVIEW_PARAMETER);
  return text === null ? null : readPreview(text, keys, now);
}
