import { RequestError } from "../../format/errors.ts";
import { BodyError } from "../http/errors.ts";
import { MEMORY } from "../limits.ts";

/** Levels of a body: itself, a list of it, a record, a list of values. What is deeper is for no schema to take. */
const MAX_DEPTH = 8;

/** What values take of memory in V8, and their texts of JSON; both in bytes, both rather too much than too little. */
export interface Measured {
  memory: number;
  text: number;
}

const SLOT_BYTES = 8;
const STRING_BYTES = 24;
const NUMBER_BYTES = 16;
const LIST_BYTES = 32;
const OBJECT_BYTES = 64;
const MEMBER_BYTES = 32;
/** Characters of a number at most. */
const NUMBER_TEXT = 24;
/** Bits of a bigint, as of any hash. The digits of one with a million bits take half a second of processor time. */
const MAX_BIGINT_BITS = 256;
const BIGINT_BYTES = NUMBER_BYTES + MAX_BIGINT_BITS / 8;
const BIGINT_TEXT = 78;

/**
 * Measures what came over RPC. Unlike JSON it may have values that JSON has not, and lists that hold one another, whose
 * text would have no end. Throws RequestError, with the place, where it has such values or is too deep, and BodyError
 * as soon as it takes more memory than a request may.
 */
export function measure(value: unknown, place: string): Measured {
  const measured = { memory: 0, text: 0 };
  add(value, [place], measured);
  return measured;
}

type Path = (string | number)[];

function add(value: unknown, path: Path, measured: Measured): void {
  measured.memory += SLOT_BYTES;
  switch (typeof value) {
    case "string":
      measured.memory += STRING_BYTES + 2 * value.length;
      measured.text += value.length;
      break;
    case "bigint":
      if (BigInt.asIntN(MAX_BIGINT_BITS, value) !== value)
        throw new RequestError(placeOf(path), `got a bigint of more than ${MAX_BIGINT_BITS} bits, expected fewer`);
      measured.memory += BIGINT_BYTES;
      measured.text += BIGINT_TEXT;
      break;
    case "number":
      measured.memory += NUMBER_BYTES;
      measured.text += NUMBER_TEXT;
      break;
    case "boolean":
    case "undefined":
      break;
    case "object":
      if (value !== null) addMembers(value, path, measured);
      break;
    default:
      throw new RequestError(placeOf(path), `got a ${typeof value}, expected a value that JSON has`);
  }
  if (measured.memory > MEMORY.oneRequest)
    throw new BodyError("too-large", `got values of more than ${MEMORY.oneRequest} bytes of memory, expected fewer`);
}

function addMembers(value: object, path: Path, measured: Measured): void {
  if (path.length > MAX_DEPTH)
    throw new RequestError(placeOf(path), `got values deeper than ${MAX_DEPTH} levels, expected a body's members`);
  if (Array.isArray(value)) {
    measured.memory += LIST_BYTES;
    for (let i = 0; i < value.length; i++) {
      path.push(i);
      add(value[i], path, measured);
      path.pop();
    }
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new RequestError(placeOf(path), `got a ${kindOf(prototype)}, expected a value that JSON has`);
  measured.memory += OBJECT_BYTES;
  for (const name in value) {
    measured.memory += MEMBER_BYTES + 2 * name.length;
    path.push(name);
    add((value as Record<string, unknown>)[name], path, measured);
    path.pop();
  }
}

function kindOf(prototype: { constructor?: unknown }): string {
  return typeof prototype.constructor === "function" ? prototype.constructor.name : "object of a class";
}

/** As errors of JSON bodies have it: `records[3].age`, `body: k`. */
function placeOf([body, member, ...rest]: Path): string {
  if (member === undefined) return String(body);
  const inner = rest.slice(0, 2).map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`));
  return rest.length === 0 ? `${body}: ${member}` : `${member}${inner.join("")}`;
}
