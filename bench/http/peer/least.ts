// The least that a Worker with our kernel does: it reads the body, has the kernel encode and score its records, and
// answers with the headers that ours has. It has no limits, no time for a slow body, no tokens, no second model and no
// counts. All rows are in its blob.
//   PUT /model        a blob
//   POST /v1/score    {"records": […]} → {"scores": […]}
//   POST /v1/rank     {"context": {…}, "candidates": […]} → {"scores": […]}, in the order of the candidates
import type { Listed } from "../../../runtime/encoding-limits.ts";
import { placeBlob } from "../../../runtime/placed-blob.ts";
import { Scorer } from "../../../runtime/scorer.ts";
import { outlineJson } from "../../../worker/http/json-outline.ts";
import module from "./peer.wasm";

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "content-type": "application/json",
  "server-timing": 'kv;desc="0", blob;desc="7", isolate;desc="3", source;desc="0", location;desc="0", encode;dur=0.00',
  "x-content-type-options": "nosniff",
  "x-request-id": "b0d3a0c4-6f1c-4c5e-9a53-0e1f5e0f7d11",
};

interface Body {
  records?: Listed<unknown>;
  context: unknown;
  candidates: Listed<unknown>;
}

let scorer: Scorer | null = null;

export default {
  async fetch(request: Request): Promise<Response> {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (request.method === "PUT") {
      scorer = new Scorer(placeBlob(module, bytes));
      return new Response();
    }
    const { records, context, candidates } = outlineJson(bytes, ["records", "candidates"], ["context"]).parse() as Body;
    const scored = records ? scorer?.scoreDirectly(records) : scorer?.rankDirectly(context, candidates);
    if (!scored) return new Response("expected a model, and simple records", { status: 503 });
    return new Response(JSON.stringify({ scores: Array.from(scored.scores) }), { headers: HEADERS });
  },
};
