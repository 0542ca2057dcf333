import { allows, type Scope, type TokenEntry, tokenDigest } from "../../format/tokens.ts";
import { AccessError } from "../http/errors.ts";
import { clientNetwork } from "./client-network.ts";

/** Whether a request needs a token. */
export type AccessMode = "tokens" | "off";

/** Who sends a request, and what it may do. */
export interface Caller {
  /** The greatest scope; null: none. */
  scope: Scope | null;
  /** What rate limits count: the name of its token, or else its network. */
  client: string;
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/**
 * Says who sends a request. A token has its own scope. Without one, a caller may score if `auth` is off. Throws
 * AccessError where the token is unknown and tokens are needed; where they are not, an unknown one counts for nothing,
 * as it may be for a server in between.
 */
export async function callerOf(
  request: Request,
  { auth, tokens }: { auth: AccessMode; tokens: readonly TokenEntry[] },
): Promise<Caller> {
  const authorization = request.headers.get("authorization");
  const presented = authorization === null ? undefined : BEARER.exec(authorization)?.[1];
  const token = presented === undefined ? null : await findToken(presented, tokens);
  if (token) return { scope: token.scope, client: `token ${token.name}` };
  if (authorization !== null && auth === "tokens")
    throw new AccessError(401, 'Bearer error="invalid_token"', "got an unknown token, expected one of this Worker's");
  const address = request.headers.get("cf-connecting-ip");
  return {
    scope: auth === "off" ? "score" : null,
    client: address === null ? "unknown" : `network ${clientNetwork(address)}`,
  };
}

/** Throws AccessError where a caller lacks a scope. */
export function requireScope({ scope }: Caller, needed: Scope): void {
  if (scope !== null && allows(scope, needed)) return;
  if (scope === null)
    throw new AccessError(
      401,
      `Bearer scope="${needed}"`,
      `got no token, expected one with the scope ${needed} in \`authorization\``,
    );
  throw new AccessError(
    403,
    `Bearer error="insufficient_scope", scope="${needed}"`,
    `got the scope ${scope}, expected a token with the scope ${needed}`,
  );
}

/** Compares with every entry, and each in the same time. */
async function findToken(presented: string, tokens: readonly TokenEntry[]): Promise<TokenEntry | null> {
  if (tokens.length === 0) return null;
  const digest = await tokenDigest(presented);
  let found: TokenEntry | null = null;
  for (const token of tokens) if (crypto.subtle.timingSafeEqual(digest, token.digest)) found = token;
  return found;
}
