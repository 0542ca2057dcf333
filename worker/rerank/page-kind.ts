import type { CompiledRoute } from "./compiled-routes.ts";
import type { Why } from "./why.ts";

/** What is made of an origin's answer. */
export type PageKind = "html" | "json";

/** What the runtime decodes when it is read, as it knows their names: in these letters. */
const ENCODINGS = new Set(["", "identity", "gzip", "br"]);

/**
 * The kind of an answer that the route has lists for. `why`: why it is none. Of these, `status` and `type` are those of
 * answers that are not a page of the route at all.
 */
export function pageKind(response: Response, { html, json }: CompiledRoute): { kind: PageKind } | { why: Why } {
  if (response.status !== 200 || response.body === null) return { why: "status" };
  const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
  const media = type.trim().toLowerCase();
  const isHtml = media === "text/html" && html.length > 0;
  const isJson = (media === "application/json" || media.endsWith("+json")) && json.length > 0;
  if (!isHtml && !isJson) return { why: "type" };
  if (!ENCODINGS.has(response.headers.get("content-encoding") ?? "")) return { why: "encoding" };
  return { kind: isHtml ? "html" : "json" };
}

/** Whether a document's charset is UTF-8, which all JSON is in (RFC 8259). */
export function isUtf8(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}
