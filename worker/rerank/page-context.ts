import type { RawValue } from "../../format/raw-value.ts";
import type { ContextSource } from "../../format/rerank-routes.ts";
import { cookieValue } from "../http/cookies.ts";

/** The record of a request's context: of each field the value, unless the request has none. */
export function contextOf(
  request: Request,
  sources: readonly (readonly [field: string, source: ContextSource])[],
  groups: Readonly<Record<string, string | undefined>>,
): Record<string, RawValue> {
  const context: Record<string, RawValue> = {};
  for (const [field, source] of sources) {
    const value = sourceValue(request, source, groups);
    if (value !== undefined && value !== null) context[field] = value;
  }
  return context;
}

function sourceValue(
  request: Request,
  source: ContextSource,
  groups: Readonly<Record<string, string | undefined>>,
): RawValue {
  if ("value" in source) return source.value;
  if ("query" in source) return new URL(request.url).searchParams.get(source.query);
  if ("path" in source) return decoded(groups[source.path]);
  if ("header" in source) return request.headers.get(source.header);
  if ("cookie" in source) return cookieValue(request.headers.get("cookie"), source.cookie);
  const said = (request as { cf?: Record<string, unknown> }).cf?.[source.cf];
  return typeof said === "string" || typeof said === "number" || typeof said === "boolean" ? said : undefined;
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return text;
  }
}
