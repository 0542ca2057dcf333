import { expectedScores, type TinyModel } from "../tiny-model.ts";

// A shop whose pages have a list, as HTML and as JSON, that the model `tiny` orders.

const PRICES = [3, 20, 11, 7];

export const SHOP_ROUTES = [
  {
    path: "/shop/:site",
    context: { site: { path: "site" }, device: { header: "x-device" } },
    model: "tiny",
    budgetMs: 10_000,
    lists: [
      {
        ...{ type: "html", name: "ads", list: "#ads", items: "#ads > li" },
        id: { attribute: "id" },
        fields: { ad: { attribute: "class" }, price: { attribute: "data-price" } },
      },
      { type: "json", name: "ads-json", list: "/ads", id: "/id", fields: { ad: "/ad", price: "/price" } },
    ],
  },
];

const AS_SENT = [0, 1, 2, 3];

/** A page of the shop, its items in this order. */
export function shopHtml(order: readonly number[] = AS_SENT): string {
  const items = order.map((i) => `<li id=item${i} class="ad${i % 3}" data-price=${PRICES[i]}>é${i}</li>`);
  return `<!doctype html><title>Shop</title><ul id=ads>\n${items.join("\n<!-- gap -->")}</ul><p>end`;
}

/** The same list as JSON, with much that JSON.parse and JSON.stringify would change. */
export function shopJson(order: readonly number[] = AS_SENT): string {
  const items = order.map(
    (i) => `{"price": ${PRICES[i]}.0,\n "id":"item${i}", "ad": "ad${i % 3}", "n":1234567890123456789${i}}`,
  );
  return `{ "b": 1, "ads" : [ ${items.join(" ,\n")} ], "a": "\\u00e9" }\n`;
}

/** The order that the model gives the list for a visitor of a site. */
export async function orderFor(model: TinyModel, context: object): Promise<number[]> {
  const records = AS_SENT.map((i) => ({ ...context, ad: `ad${i % 3}`, price: PRICES[i] }));
  const scores = await expectedScores(model, records);
  return AS_SENT.toSorted((a, b) => scores[b] - scores[a]);
}
