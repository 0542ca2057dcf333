import type { CompiledRoute } from "./compiled-routes.ts";

/** What is made of an origin's answer. */
export type PageKind = "html" | "json";

/** What the runtime decodes when it is read, as it knows their names: in these letters. */
const ENCODINGS = new Set(["", "identity", "gzip", "br"]);

/** A page or document that the route has lists for: `why` it cannot be read, or null. Or an answer that is neither. */
type FoundKind = { kind: PageKind; why: "encoding" | null } | { kind: null; why: "status" | "type" };

export function pageKind(response: Response, { html, json }: CompiledRoute): FoundKind {
  if (response.status !== 200 || response.body === null) return { kind: null, why: "status" };
  const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
  const media = type.trim().toLowerCase();
  const isHtml = media === "text/html" && html.length > 0;
  const isJson = (media === "application/json" || media.endsWith("+json")) && json.length > 0;
  if (!isHtml && !isJson) return { kind: null, why: "type" };
  const encoding = response.headers.get("content-encoding") ?? "";
  // Nothing at all is no encoding of anything, so that to decode it fails, which browsers do not mind.
  const isEmpty = encoding !== "" && response.headers.get("content-length") === "0";
  return { kind: isHtml ? "html" : "json", why: isEmpty || !ENCODINGS.has(encoding) ? "encoding" : null };
}

/** Whether a document's charset is UTF-8, which all JSON is in (RFC 8259). */
export function isUtf8(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}
