import { FormatError, show } from "./errors.ts";
import { fromHex, sha256, toHex } from "./hash.ts";

// Bearer tokens (RFC 6750). A client presents the token; a server is given an entry, which has only its SHA-256:
//
//   <name>:<scope>:<SHA-256 of the token, 64 hex digits>
//
// A token has 256 random bits, so a plain SHA-256 of it cannot be searched.

/** What a token allows, each of them what is before it, too. explain shows parts of the model; admin, everything. */
export const SCOPES = ["score", "explain", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** Whether a scope allows what `needed` does. */
export function allows(scope: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
}

/** A token as a server knows it. */
export interface TokenEntry {
  /** Whose it is, for logs and rate limits. Two tokens may have the same name while one replaces the other. */
  name: string;
  scope: Scope;
  /** SHA-256 of the token. */
  digest: Uint8Array;
}

/** Makes a token known to those who look for secrets in texts. */
const TOKEN_PREFIX = "dfe_";
const TOKEN_BYTES = 32;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const ENTRY_FORM = "<name>:<scope>:<SHA-256 of the token in 64 lower-case hex digits>";

/** A new token: "dfe_" and 43 characters of base64url. */
export function generateToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  const base64 = btoa(String.fromCharCode(...bytes));
  return TOKEN_PREFIX + base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** As much of a token as no text has by chance. */
const TOKEN = new RegExp(`${TOKEN_PREFIX}[\\w-]{20,}`, "g");

/** A text for logs and errors, which may quote what a client sent: of a token in it only the prefix is left. */
export function withoutTokens(text: string): string {
  return text.includes(TOKEN_PREFIX) ? text.replaceAll(TOKEN, `${TOKEN_PREFIX}…`) : text;
}

/** The SHA-256 of a token, 32 bytes. */
export function tokenDigest(token: string): Promise<Uint8Array> {
  return sha256(new TextEncoder().encode(token));
}

/** The entry of a token. Throws FormatError where the name is not 1 to 64 letters, digits and `. _ -`. */
export async function writeTokenEntry(name: string, scope: Scope, token: string): Promise<string> {
  if (!NAME.test(name)) throw new FormatError("name", `got ${show(name)}, expected 1 to 64 of A-Z a-z 0-9 . _ -`);
  return `${name}:${scope}:${toHex(await tokenDigest(token))}`;
}

/**
 * Reads entries with spaces, line ends or commas between them. Throws FormatError, which never quotes the text: it may
 * be a secret that was put in the wrong place.
 */
export function readTokenEntries(text: string, source: string): TokenEntry[] {
  const entries = text.split(/[\s,]+/).filter((part) => part !== "");
  return entries.map((entry, i) => {
    const place = `${source}: entry ${i + 1}`;
    const [name = "", scopeName, digest = "", ...others] = entry.split(":");
    const scope = SCOPES.find((known) => known === scopeName);
    if (!NAME.test(name) || !DIGEST.test(digest) || others.length > 0)
      throw new FormatError(place, `got ${entry.length} characters of another form, expected ${ENTRY_FORM}`);
    if (!scope)
      throw new FormatError(
        place,
        `got an unknown scope, expected ${new Intl.ListFormat("en-GB", { type: "disjunction" }).format(SCOPES)}`,
      );
    return { name, scope, digest: fromHex(digest) };
  });
}
