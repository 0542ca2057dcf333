import { EXPOSURE_FLAGS } from "../../format/exposure.ts";
import { isPrefetch } from "../http/prefetch.ts";
import type { VisitorRequest } from "./visitor.ts";

/** Words that robots call themselves by. One that says nothing of itself is counted as a visitor. */
const ROBOT = /bot\b|bot[/;-]|crawl|spider|slurp|headless|lighthouse|preview|monitor|curl\/|wget\/|python-requests/i;

/** Of what kind a request is, as letters of EXPOSURE_FLAGS in their order; empty: somebody looks at a list. */
export function requestFlags({ headers, method }: VisitorRequest, isPreview: boolean): string {
  const { bot, head, prefetch, preview } = EXPOSURE_FLAGS;
  return (
    (ROBOT.test(headers?.get("user-agent") ?? "") ? bot : "") +
    (method === "HEAD" ? head : "") +
    (headers && isPrefetch(headers) ? prefetch : "") +
    (isPreview ? preview : "")
  );
}
