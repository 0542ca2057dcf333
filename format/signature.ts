import { fromBase64, toBase64 } from "./base64.ts";
import { FormatError } from "./errors.ts";
import { sha256 } from "./hash.ts";

// Ed25519 (RFC 8032) by Web Crypto, which both Node and workerd have.

const ALGORITHM = { name: "Ed25519" };
const PUBLIC_KEY_BYTES = 32;
const KEY_ID_BYTES = 16;
const PUBLIC_KEY_FORM = "the 44 characters of an Ed25519 public key in base64";

/** `id`: the first 16 bytes of the SHA-256 of the public key's 32 bytes. */
export interface PublicKey {
  id: Uint8Array;
  key: CryptoKey;
}

export type SigningKey = PublicKey;

/** Stands before the public key in the text that comes before a private key (RFC 7468, section 5.2). */
const PUBLIC_KEY_LABEL = "Public key: ";

/**
 * A new key pair: the private key as PEM (PKCS #8, as OpenSSL writes it) after a line with the public one, and the
 * public one as base64 of its 32 bytes.
 */
export async function generateKeys(): Promise<{ privateKey: string; publicKey: string }> {
  const pair = (await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as CryptoKeyPair;
  const pkcs8 = new Uint8Array((await crypto.subtle.exportKey("pkcs8", pair.privateKey)) as ArrayBuffer);
  const publicKey = toBase64(await publicBytes(pair.privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${toBase64(pkcs8)}\n-----END PRIVATE KEY-----\n`;
  return { privateKey: `${PUBLIC_KEY_LABEL}${publicKey}\n${pem}`, publicKey };
}

/**
 * Reads a private key from PEM. Throws FormatError where it is no Ed25519 key, or does not belong to the public key
 * that stands before it: any 32 bytes are a private key, so that only that tells a damaged one.
 */
export async function readSigningKey(pem: string, source: string): Promise<SigningKey> {
  const [, body] = /-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----/.exec(pem) ?? [];
  if (body === undefined)
    throw new FormatError(source, "got no PRIVATE KEY block, expected an Ed25519 key in PEM (PKCS #8)");
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("pkcs8", fromBase64(body.replaceAll(/\s/g, "")), ALGORITHM, true, ["sign"]);
  } catch {
    throw new FormatError(source, "got a private key that cannot be read, expected one of Ed25519");
  }
  const publicKey = await publicBytes(key);
  const stated = new RegExp(`^${PUBLIC_KEY_LABEL}(\\S+)`, "m").exec(pem)?.[1] ?? toBase64(publicKey);
  if (stated !== toBase64(publicKey))
    throw new FormatError(
      source,
      `got a private key whose public key is ${toBase64(publicKey)}, expected ${stated} as the file says`,
    );
  return { id: await keyId(publicKey), key };
}

/** The public key that belongs to a private key. */
export async function publicKeyOf({ id, key }: SigningKey): Promise<PublicKey> {
  return { id, key: await crypto.subtle.importKey("raw", await publicBytes(key), ALGORITHM, true, ["verify"]) };
}

/**
 * Reads public keys, each base64 of 32 bytes, with spaces or commas between them. Throws FormatError, which never
 * quotes the text: it may be a private key that was put in the wrong place.
 */
export async function readPublicKeys(text: string, source: string): Promise<PublicKey[]> {
  const keys = text.split(/[\s,]+/).filter((part) => part !== "");
  return Promise.all(
    keys.map(async (part, i) => {
      const refuse = (): never => {
        const got = `got ${part.length} characters of another form`;
        throw new FormatError(`${source}: key ${i + 1}`, `${got}, expected ${PUBLIC_KEY_FORM}`);
      };
      const bytes = /^[A-Za-z0-9+/]{43}=$/.test(part) ? fromBase64(part) : refuse();
      if (bytes.length !== PUBLIC_KEY_BYTES) refuse();
      const key = await crypto.subtle.importKey("raw", bytes, ALGORITHM, true, ["verify"]).catch(refuse);
      return { id: await keyId(bytes), key };
    }),
  );
}

/** The signature of a message, 64 bytes. */
export async function sign({ key }: SigningKey, message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, message as Uint8Array<ArrayBuffer>));
}

export function verify({ key }: PublicKey, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  return crypto.subtle.verify(ALGORITHM, key, signature as Uint8Array<ArrayBuffer>, message as Uint8Array<ArrayBuffer>);
}

async function keyId(publicKey: Uint8Array): Promise<Uint8Array> {
  return (await sha256(publicKey)).slice(0, KEY_ID_BYTES);
}

/** The bytes of the public key. Web Crypto gives them away in a JWK only, where they stand beside the private ones. */
async function publicBytes(privateKey: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const { x = "" } = (await crypto.subtle.exportKey("jwk", privateKey)) as JsonWebKey;
  return fromBase64(x.replaceAll("-", "+").replaceAll("_", "/"));
}
