import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { FormatError } from "./errors.ts";

// Message authentication by HMAC-SHA-256 (RFC 2104, FIPS 198-1), with secrets that rotate: a Worker has some, signs
// with the first, and knows what any of them signed. To rotate, the new one is put before the old one, which goes when
// all that it has signed is too old anyway.

/** A secret as it is used. */
export interface MacKey {
  /** 0 to 15, from the secret itself: which keys are worth trying. Two secrets may have one number. */
  number: number;
  /** HMAC-SHA-256 that has taken the secret, and no byte of a message yet. */
  keyed: ReturnType<typeof hmac.create>;
  /** Takes a message in its place, so that a message needs no buffers of its own. */
  working: ReturnType<typeof hmac.create>;
}

/** At least one key. */
export type MacKeys = readonly [MacKey, ...MacKey[]];

/** Characters of a secret at least: 16 random bytes in hex or 24 in base64. */
const MIN_SECRET_LENGTH = 32;
/** More than two are in use only while somebody forgets to remove them, and each costs a forged id a try. */
const MAX_SECRETS = 4;

const encoder = new TextEncoder();

/**
 * Reads secrets with spaces, line ends or commas between them. Throws FormatError, which never quotes them, where there
 * is none, too many, or one is shorter than it may be.
 */
export function readMacKeys(text: string, source: string): MacKeys {
  const secrets = text.split(/[\s,]+/).filter((part) => part !== "");
  if (secrets.length > MAX_SECRETS)
    throw new FormatError(source, `got ${secrets.length} secrets, expected at most ${MAX_SECRETS}`);
  const short = secrets.find(({ length }) => length < MIN_SECRET_LENGTH);
  if (short !== undefined)
    throw new FormatError(
      source,
      `got a secret of ${short.length} characters, expected ${MIN_SECRET_LENGTH} at least, of random bytes`,
    );
  const [first, ...others] = secrets.map(macKey);
  if (!first) throw new FormatError(source, "got no secret, expected one or more with spaces between");
  return [first, ...others];
}

function macKey(secret: string): MacKey {
  const [first] = sha256(encoder.encode(`key number\0${secret}`));
  const key = encoder.encode(secret);
  return { number: (first as number) >> 4, keyed: hmac.create(sha256, key), working: hmac.create(sha256, key) };
}

/**
 * The 32 bytes of the HMAC of `bytes` for one purpose: what is signed for one is worth nothing for another. A purpose
 * has no character 0.
 */
export function mac({ keyed, working }: MacKey, purpose: string, bytes: Uint8Array): Uint8Array {
  return keyed._cloneInto(working).update(prefixOf(purpose)).update(bytes).digest();
}

/** By purpose: what is hashed before a message. There are as many as the sources name. */
const prefixes = new Map<string, Uint8Array>();

function prefixOf(purpose: string): Uint8Array {
  let prefix = prefixes.get(purpose);
  if (!prefix) {
    prefix = encoder.encode(`${purpose}\0`);
    prefixes.set(purpose, prefix);
  }
  return prefix;
}

/** Compares in a time that says nothing of where two texts of bytes differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
