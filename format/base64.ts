// Standard base64 (RFC 4648, section 4), which Node 24 has no method of Uint8Array for.

/** Bytes whose characters are made at a time: a function takes no more than some ten thousand arguments. */
const STEP = 3 * 2 ** 12;

/** The base64 text of bytes. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += STEP)
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + STEP)));
  return text;
}

/** The bytes of a base64 text. Throws DOMException where it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
