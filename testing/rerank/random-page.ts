import type { HtmlList } from "../../format/rerank-routes.ts";
import { integer, pick } from "../format/random.ts";

// Pages whose lists and items are known, as they are put together of spans: what a re-ranked page must be follows from
// the spans alone, without a parser.

/** Bytes of a page that move together, or stay. */
export interface Segment {
  bytes: Uint8Array;
  /** The list whose item it is; null: it stays. */
  list: string | null;
  id: string | null;
}

export interface KnownPage {
  name: string;
  contentType: string;
  segments: Segment[];
  lists: HtmlList[];
}

/** Byte sequences of a charset that are letters there, some of whose second bytes are those of ASCII letters. */
const CHARSETS: Record<string, number[][]> = {
  "utf-8": [
    [0xc3, 0xa9],
    [0xe2, 0x82, 0xac],
    [0xf0, 0x9f, 0x98, 0x80],
  ],
  "windows-1252": [[0x80], [0xe9], [0xdf]],
  "windows-1251": [[0xcf], [0xf0], [0xe8]],
  shift_jis: [[0x83, 0x5c], [0x95, 0x5c], [0xb1]],
  gbk: [
    [0xb4, 0x7c],
    [0xd6, 0xd0],
    [0x81, 0x40],
  ],
};
const CHARSET_NAMES = Object.keys(CHARSETS);

/** The two lists that pages have. */
export const PAGE_LISTS: HtmlList[] = [
  {
    ...{ type: "html", name: "main", list: "#main", items: "#main > .item" },
    id: { attribute: "data-id" },
    fields: { price: { attribute: "data-price" } },
  },
  {
    ...{ type: "html", name: "side", list: "ul.side", items: "ul.side li.entry" },
    id: { selector: "ul.side li.entry a.link", attribute: "href", pattern: "/p/([\\d]+)" },
  },
];

/** A page with lists, in one of five charsets, with bytes that are none of it, and much that is hard to parse. */
export function randomPage(random: () => number, name: string): KnownPage {
  const charset = pick(random, CHARSET_NAMES);
  const make = new PageMaker(random, CHARSETS[charset] as number[][]);
  const segments: Segment[] = [];
  const stay = (...texts: (string | Uint8Array)[]): void => {
    segments.push({ bytes: bytesOf(texts), list: null, id: null });
  };
  stay("<!DOCTYPE html><html><head><title>", make.text(), "</title>", make.noise(), "</head><body>", make.noise());
  const ids = shuffled(
    random,
    Array.from({ length: 100 }, (_, i) => String(i)),
  );
  const parts = shuffled(random, [
    () => mainList(random, make, segments, stay, ids),
    () => sideList(random, make, segments, stay, ids),
  ]).slice(0, random() < 0.8 ? 2 : 1);
  for (const part of parts) {
    part();
    stay(make.noise(), make.noise());
  }
  stay("</body></html>", random() < 0.3 ? "\n" : "");
  return { name, contentType: `text/html; charset=${charset}`, segments, lists: PAGE_LISTS };
}

type Stay = (...texts: (string | Uint8Array)[]) => void;

function mainList(random: () => number, make: PageMaker, segments: Segment[], stay: Stay, ids: string[]): void {
  const tag = pick(random, ["div", "section", "ol", "tbody"]);
  stay(random() < 0.3 ? "<div>" : "", `<${tag} class=x id="main">`, make.gap());
  for (let i = 0, n = integer(random, 0, 11); i < n; i++) {
    const id = random() < 0.9 ? (ids.pop() as string) : null;
    const item = pick(random, ["div", "li", "article", "tr", "img", "x-card", "DIV"]);
    const attributes = `${id === null ? "" : `data-id="${id}" `}data-price='${i}' title="a > b <i>"`;
    const start = `<${item} ${attributes} class="item ${random() < 0.5 ? "big" : ""}">`;
    const end = item === "img" ? "" : `</${random() < 0.2 ? item.toUpperCase() : item}${random() < 0.2 ? " " : ""}>`;
    segments.push({ bytes: bytesOf([start, item === "img" ? "" : make.inner(), end]), list: id && "main", id });
    stay(make.gap());
  }
  stay(`</${tag}>`);
}

function sideList(random: () => number, make: PageMaker, segments: Segment[], stay: Stay, ids: string[]): void {
  stay("<ul class='side wide'>", make.gap());
  for (let i = 0, n = integer(random, 1, 6); i < n; i++) {
    const id = ids.pop() as string;
    const link = `<a class="link" href="/p/${id}?x&amp;y">`;
    const nested = random() < 0.3 ? "<ul><li>one</li><li class=entry>two</li></ul>" : "";
    segments.push({
      bytes: bytesOf(["<li class=entry>", make.inner(), link, make.text(), "</a>", nested, "</li>"]),
      ...{ list: "side", id },
    });
    stay(make.gap());
  }
  stay("</ul>");
}

class PageMaker {
  readonly #random: () => number;
  readonly #letters: readonly number[][];

  constructor(random: () => number, letters: readonly number[][]) {
    this.#random = random;
    this.#letters = letters;
  }

  /** Letters of the charset and of ASCII, and sometimes bytes that are no character. */
  text(): Uint8Array {
    const length = integer(this.#random, 0, 29);
    const bytes: number[] = [];
    for (let i = 0; i < length; i++) {
      if (this.#random() < 0.3) bytes.push(...pick(this.#random, this.#letters));
      else bytes.push(integer(this.#random, 0x61, 0x7a));
      if (this.#random() < 0.02) bytes.push(pick(this.#random, [0xff, 0xfe, 0x00, 0x01, 0x80]), 0x20);
    }
    // What ends in half a character would take the bracket that follows into it.
    bytes.push(0x20);
    return Uint8Array.from(bytes);
  }

  /** What is inside of an item. */
  inner(): Uint8Array {
    const inner = [
      () => ["<b>", this.text(), "</b>"],
      () => ["<!-- <li class=entry> </div> -->"],
      () => ["<script>if (a</b>/.exec('</div>')) { '<!--' }</script>"],
      () => ["<style>.item > b::before { content: '</div>' }</style>"],
      () => ["<div><div>", this.text(), "</div></div>"],
      () => ["<br><input value='</div>'><img src=a/>"],
      () => ["<svg><path d='M0 0'/><title>", this.text(), "</title></svg>"],
      () => ["<textarea><div class=item data-id=9></textarea>"],
      () => ["<ul><li>a</li><li>b</li></ul>"],
      () => [this.text()],
    ];
    const count = integer(this.#random, 0, 3);
    return bytesOf(Array.from({ length: count }, () => pick(this.#random, inner)()).flat());
  }

  /** What is between items, and stays. */
  gap(): Uint8Array {
    const gaps = ["", "\n  ", "<!-- gap -->", "<hr>", "<span>ad</span>", "<script>var x = '</ul>';</script>"];
    return bytesOf([pick(this.#random, gaps), this.#random() < 0.2 ? this.text() : ""]);
  }

  /** What is outside of lists. */
  noise(): Uint8Array {
    const outside = ["<div class=item data-id=1>no list</div>", "<p>one<p>two", "<ul><li>a<li>b</ul>", "<nav></nav>"];
    return bytesOf([pick(this.#random, outside), this.text(), this.inner()]);
  }
}

export function bytesOf(texts: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = texts.map((text) => (typeof text === "string" ? new TextEncoder().encode(text) : text));
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function shuffled<Item>(random: () => number, items: readonly Item[]): Item[] {
  const order = items.map((item) => ({ item, by: random() }));
  return order.sort((a, b) => a.by - b.by).map(({ item }) => item);
}
