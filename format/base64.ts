// Standard base64 (RFC 4648, section 4), and that for URLs (section 5) without padding. Workers have methods of
// Uint8Array for them, which take a tenth of the time; Node 24 has none.

/** Bytes whose characters are made at a time: a function takes no more than some ten thousand arguments. */
const STEP = 3 * 2 ** 12;

const HAS_METHODS = "toBase64" in Uint8Array.prototype;

/** The base64 text of bytes. */
export function toBase64(bytes: Uint8Array): string {
  if (HAS_METHODS) return bytes.toBase64();
  let text = "";
  for (let start = 0; start < bytes.length; start += STEP)
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + STEP)));
  return text;
}

/** The base64 text of bytes, in the letters that URLs have, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  if (HAS_METHODS) return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of a base64 text. Throws DOMException where it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** The bytes of a text that `toBase64Url` wrote. Throws DOMException where it is none. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}
