// One address for several models, each in a Worker of its own: for models that do not fit into one isolate together.
// The Workers are deepfm-edge, deployed under a name each, with a KV namespace each. The router's wrangler.toml binds
// what they export as Scoring; calls of it are not billed as requests:
//
//   [[services]]
//   binding = "MODEL_ADS"
//   service = "deepfm-edge-ads"
//   entrypoint = "Scoring"
//
//   [[services]]
//   binding = "MODEL_NEWS"
//   service = "deepfm-edge-news"
//   entrypoint = "Scoring"
//
// A call over a binding needs no token: who may call the router is for the router to say.

/** Which binding scores with which model, by the name under which the model is published. Change it to yours. */
const BINDINGS = new Map([
  ["ads", "MODEL_ADS"],
  ["news", "MODEL_NEWS"],
]);
const DEFAULT_MODEL = "ads";

const METHODS = new Map([
  ["/v1/score", "score"],
  ["/v1/rank", "rank"],
]);

export default {
  async fetch(request, env) {
    const method = METHODS.get(new URL(request.url).pathname);
    if (method === undefined || request.method !== "POST") return refused(404, "expected POST /v1/score or /v1/rank");
    let body;
    try {
      body = await request.json();
    } catch {
      return refused(400, "the body is not JSON");
    }
    // "ads", or "ads@" and a version.
    const named = body?.model ?? DEFAULT_MODEL;
    const binding = typeof named === "string" ? BINDINGS.get(named.split("@")[0]) : undefined;
    if (binding === undefined) return refused(404, `expected one of the models ${[...BINDINGS.keys()].join(", ")}`);
    const reply = await env[binding][method](body);
    // An answer that no model has scored has no timing.
    const timing = reply.serverTiming ? { "server-timing": reply.serverTiming } : {};
    if (reply.ok) return Response.json(reply.answer, { headers: timing });
    const headers = { "content-type": "application/problem+json" };
    if (reply.retryAfter !== null) headers["retry-after"] = String(reply.retryAfter);
    return new Response(JSON.stringify(reply.problem), { status: reply.problem.status, headers });
  },
};

function refused(status, detail) {
  const headers = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify({ type: "about:blank", status, detail }), { status, headers });
}
