import * as v from "valibot";
import { fromBase64, toBase64 } from "./base64.ts";
import { FormatError } from "./errors.ts";
import { toHex } from "./hash.ts";
import { type PublicKey, type SigningKey, sign, verify } from "./signature.ts";
import { TimeSchema } from "./time.ts";

// A pointer may carry a signature of its own. It is what lets a signed model go back to an earlier version: the serial
// number in a blob only ever lets a later one serve.

/** What a key says of a pointer. */
export const StatementSchema = v.strictObject({
  serial: v.pipe(TimeSchema, v.minValue(1)),
  key: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, "expected 32 lower-case hex digits")),
  signature: v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{86}==$/, "expected a signature, 88 characters of base64")),
});

/**
 * `serial`: when it was signed, in milliseconds since the epoch. `key`: the id of the key that signed, in hex.
 * `signature`: 64 bytes in base64.
 */
export type Statement = v.InferOutput<typeof StatementSchema>;

/** What a statement is of. */
export interface Pointed {
  model: string;
  version: string;
}

/**
 * Says with a key that a version of a model is to serve, from `serial` on: milliseconds since the epoch, more than in
 * any blob or statement of the model that is to count as earlier.
 */
export async function signStatement(pointed: Pointed, key: SigningKey, serial: number): Promise<Statement> {
  const signature = toBase64(await sign(key, messageOf(pointed, serial)));
  return { serial, key: toHex(key.id), signature };
}

/** Throws FormatError, which names `place`, where none of the trusted keys made the statement. */
export async function verifyStatement(
  { serial, key: id, signature }: Statement,
  pointed: Pointed,
  trusted: readonly PublicKey[],
  place: string,
): Promise<void> {
  const key = trusted.find((one) => toHex(one.id) === id);
  if (!key) {
    const expected = trusted.map((one) => toHex(one.id)).join(" or ");
    throw new FormatError(`${place}: signed.key`, `got ${id}, expected ${expected}`);
  }
  if (!(await verify(key, fromBase64(signature), messageOf(pointed, serial))))
    throw new FormatError(`${place}: signed.signature`, `got one that is not by the key ${id} that it names`);
}

/** What is signed. It is longer than a digest, so that no signature of a blob is one of a pointer. */
function messageOf({ model, version }: Pointed, serial: number): Uint8Array {
  return new TextEncoder().encode(`deepfm-edge pointer\n${model}\n${version}\n${serial}\n`);
}
