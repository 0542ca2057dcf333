/**
 * Orders the children of a list on a page by the probability of a click, the highest first.
 *
 * `url`: the Worker's, with the path below which its routes are. `list`: an element whose children have the item's
 * fields as JSON in `data-item`. `context`: the fields of the side "context", as an object. Returns the model and
 * version that scored, or null where the Worker did not answer in time: then the list stays as it is.
 */
export async function rerank(url, list, context, { token, milliseconds = 300 } = {}) {
  const children = [...list.children];
  const candidates = children.map((child) => JSON.parse(child.dataset.item));
  try {
    const response = await fetch(`${String(url).replace(/\/+$/, "")}/v1/rank`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ context, candidates }),
      signal: AbortSignal.timeout(milliseconds),
    });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    const { items, model, version } = await response.json();
    // Without ids, an item's id is its position. An element that is in the page already moves.
    list.append(...items.map(({ id }) => children[id]));
    return { model, version };
  } catch (error) {
    console.warn(`the list stays as it is: ${error.message}`);
    return null;
  }
}
