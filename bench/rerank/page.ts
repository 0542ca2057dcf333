// A page of a shop with one list, as the pages of shops are: much markup, little text.

/** Items of the list. */
const PAGE_ITEMS = 50;

/** The route of the page. */
export const PAGE_ROUTES = [
  {
    path: "/*",
    lists: [
      {
        ...{ type: "html", name: "results", list: "#results", items: "#results > .product" },
        id: { attribute: "data-sku" },
        fields: { price: { attribute: "data-price" } },
      },
    ],
  },
];

/** 46 KB of HTML: a head, a menu, the list, a footer. `turned`: with the items in the other order. */
export function shopPage(turned = false): string {
  const items = Array.from({ length: PAGE_ITEMS }, (_, i) => itemOf(turned ? PAGE_ITEMS - 1 - i : i));
  const menu = Array.from({ length: 30 }, (_, i) => `<li class="menu__entry"><a href="/c/${i}">Category ${i}</a></li>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="stylesheet" href="/style.css">
<script>window.data = ${JSON.stringify(Array.from({ length: 290 }, (_, i) => ({ i, text: "some text" })))};</script></head>
<body><nav><ul class="menu">${menu.join("\n")}</ul></nav>
<main><h1>Results</h1><div id="results" class="grid">
${items.join("\n")}
</div></main>
<footer>${menu.join("\n")}</footer></body></html>
`;
}

function itemOf(i: number): string {
  return `<article class="product" data-sku="sku-${i}" data-price="${i}.90">
  <a class="product__link" href="/p/${i}?from=list"><img loading="lazy" src="/img/${i}.webp" width="320" height="320" alt="">
    <h2 class="product__title">A product with a name that goes on for a while, number ${i}</h2></a>
  <p class="product__text">Two lines of text, as they are written below a picture to make someone look.</p>
  <p class="product__price"><span class="price">${i}.90</span> <del>${i + 5}.90</del></p>
  <ul class="product__tags"><li>new</li><li>blue</li><li>in stock</li></ul>
  <form action="/cart" method="post"><input type="hidden" name="sku" value="sku-${i}"><button>Add to cart</button></form>
</article>`;
}

/** What was checked of pages. */
export interface Checked {
  pages: number;
  /** How often something was moved, failed, or compared. */
  times: number;
  faults: string[];
}
