// A Worker before a site's API. It asks the model for the order of a list that the site answers, and answers the site's
// own order where the model cannot say. Its wrangler.toml binds deepfm-edge's Worker as CTR:
//
//   [[services]]
//   binding = "CTR"
//   service = "deepfm-edge"

/**
 * Milliseconds that the order may take, where the variable RANK_MS states no others. A page would rather have the
 * site's own order than wait longer.
 */
const DEFAULT_RANK_MS = 100;

export default {
  async fetch(request, env) {
    const response = await fetch(request);
    const isList = response.ok && response.headers.get("content-type")?.includes("application/json");
    if (!isList) return response;
    const text = await response.text();
    const answer = parsed(text);
    const headers = new Headers(response.headers);
    if (!Array.isArray(answer?.items)) return new Response(text || null, { status: response.status, headers });
    const items = await ranked(env, contextOf(request), answer.items);
    for (const name of ["content-length", "etag"]) headers.delete(name); // which are those of the site's own bytes
    return new Response(JSON.stringify({ ...answer, items }), { status: response.status, headers });
  },
};

/** What a text is as JSON; null where it is none, such as the body of a HEAD request. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What the model's fields of the side "context" are, from the request. Change it to those of your model. */
function contextOf(request) {
  return { site: new URL(request.url).searchParams.get("site") };
}

/** What the model's fields of the side "item" are, from an item of the list. Change it to those of your model. */
function candidateOf(item) {
  return { price: item.price };
}

async function ranked(env, context, items) {
  try {
    // A service binding does not leave the machine: the address is never looked up.
    const response = await env.CTR.fetch("https://ctr/v1/rank", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(env.CTR_TOKEN && { authorization: `Bearer ${env.CTR_TOKEN}` }),
      },
      body: JSON.stringify({ context, candidates: items.map(candidateOf) }),
      signal: AbortSignal.timeout(env.RANK_MS ?? DEFAULT_RANK_MS),
    });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    // Without ids, the id of a ranked item is its position in the request.
    return (await response.json()).items.map(({ id }) => items[id]);
  } catch (error) {
    console.warn(`the site's own order, as ${error.message}`);
    return items;
  }
}
