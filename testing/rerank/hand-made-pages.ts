import type { HtmlList } from "../../format/rerank-routes.ts";
import { bytesOf, type KnownPage, PAGE_LISTS, type Segment } from "./random-page.ts";

/** A page that is hard in one way, and what is to become of its lists: null where they are arranged. */
export interface HandMadePage extends KnownPage {
  whys: Record<string, string | null>;
}

const MIB = 2 ** 20;
const [MAIN, SIDE] = PAGE_LISTS as [HtmlList, HtmlList];

/** In a text, `{{id|bytes}}` is an item of the list `main`, and `{{side:id|bytes}}` one of `side`. */
const ITEM = /\{\{(?:(\w+):)?([^|]*)\|(.*?)\}\}/gs;

interface Details {
  lists?: HtmlList[];
  whys?: HandMadePage["whys"];
  charset?: string | null;
  encode?: (text: string) => Uint8Array;
}

function page(name: string, text: string, details: Details = {}): HandMadePage {
  const { lists = [MAIN], whys = { main: null }, charset = "utf-8", encode = (part) => bytesOf([part]) } = details;
  const segments: Segment[] = [];
  let at = 0;
  for (const match of text.matchAll(ITEM)) {
    const [whole, list = "main", id = "", bytes = ""] = match;
    segments.push({ bytes: encode(text.slice(at, match.index)), list: null, id: null });
    segments.push({ bytes: encode(bytes), list: id === "" ? null : list, id: id || null });
    at = match.index + whole.length;
  }
  segments.push({ bytes: encode(text.slice(at)), list: null, id: null });
  return { name, contentType: charset === null ? "text/html" : `text/html; charset=${charset}`, segments, lists, whys };
}

const item = (id: string, inner = id): string => `{{${id}|<div class=item data-id="${id}">${inner}</div>}}`;
const main = (...items: string[]): string => `<div id=main>${items.join("\n")}</div>`;
/** Letters from U+0080 to U+00FF as one byte each: any bytes at all, written as text. */
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const inBytes = (charset: string): Details => ({ charset, encode: latin1 });
const nextItem: HtmlList = { ...MAIN, items: "#main .item", itemEnds: "next-item" };
const three = [item("1"), item("2"), item("3")];

/** `large`: whether those of megabytes are among them. */
export function handMadePages(large: boolean): HandMadePage[] {
  return [
    page("plain", `<!doctype html><title>x</title><p class='item'>${main(...three)}<footer>y</footer>`),
    page("items in items", main(item("1", '<p class="item" data-id="9">in</p>'), ...three.slice(1)), {
      lists: [{ ...MAIN, items: "#main .item" }],
    }),
    page("lists in items", main(item("1", "<ul><li>a<li>b</ul>"), item("2", "<div id=main><div></div></div>"))),
    page("comments", main(item("1", "<!-- </div> <div class=item> -->"), "<!-- </div> -->", item("2"))),
    page(
      "scripts",
      main(item("1", '<script>"</div><div class=item>"</script>'), "<script>'</div>'</script>", item("2")),
    ),
    page("text that is no tags", main(item("1", "<textarea></div></textarea>"), item("2", "<title></div></title>"))),
    page("no end tags", "<ul id=main><li class=item data-id=1>a<li class=item data-id=2>b</ul>z", {
      whys: { main: "unclosed" },
      lists: [{ ...MAIN, items: "#main .item" }],
    }),
    page(
      "no end tags, ends at the next",
      "<ul id=main>\n{{1|<li class=item data-id=1>a\n}}{{2|<li class=item data-id=2>b}}</ul>z",
      {
        lists: [nextItem],
      },
    ),
    page(
      "no end tags, within what the list has",
      `<table id=main><thead><tr><th>h<tbody>{{1|<tr class=item data-id=1><td>a}}{{2|<tr class=item data-id=2><td>b}}</tbody><tfoot><tr><td>f</table>z`,
      { lists: [nextItem] },
    ),
    page(
      "no end tags, of sections neither",
      `<table id=main><thead><tr><th>h<tbody>{{1|<tr class=item data-id=1><td>a}}{{2|<tr class=item data-id=2><td>b</tr>}}<tfoot><tr><td>f</table>z`,
      { lists: [nextItem] },
    ),
    page(
      "end tags that do not count, in a section",
      `<div id=main><table><tbody>{{1|<tr class=item data-id=1><td>a</tr>}}{{2|<tr class=item data-id=2><td>b</tr>}}</tbody></table>z</div>`,
      { lists: [nextItem] },
    ),
    page(
      "end tags that do not count, within what the list has",
      `<div id=main><ul>{{1|<li class=item data-id=1>a</li>x}}{{2|<li class=item data-id=2>b</li>y}}</ul><p>z</div>`,
      { lists: [nextItem] },
    ),
    page(
      "no end tags, and two parts of a list",
      `<div id=main><ul>{{1|<li class=item data-id=1>a}}{{2|<li class=item data-id=2>b}}</ul>-<ul>{{3|<li class=item data-id=3>c}}</ul>z</div>`,
      { lists: [nextItem] },
    ),
    page(
      "no end tags, and lists in items",
      `<ul id=main>{{1|<li class=item data-id=1>a<ul><li class=item data-id=8>x</li><li class=item>y</ul>}}{{2|<li class=item data-id=2>b<ol><li class=item>z</ol>}}</ul>`,
      { lists: [nextItem] },
    ),
    page(
      "terms with what they mean",
      `<dl id=main>{{1|<dt class=item data-id=1>a</dt><dd>x</dd>}}{{2|<dt class=item data-id=2>b<dd>y}}</dl>z`,
      { lists: [nextItem] },
    ),
    page("the list is as its items are", `<div id=main data-id=9>${three.join("")}</div>`, {
      lists: [{ ...MAIN, items: "[data-id]" }],
    }),
    page(
      "the list is as its items are, which have no end tags",
      `<ul id=main data-id=9>{{1|<li data-id=1>a}}{{2|<li data-id=2>b}}</ul>z`,
      { lists: [{ ...nextItem, items: "[data-id]" }] },
    ),
    page("one end tag is missing", `<ul id=main><li class=item data-id=1>a</li><li class=item data-id=2>b</ul>z`, {
      whys: { main: "unclosed" },
    }),
    page("an end tag of others", main(item("1", "a</span></b>"), item("2", "<b><i></b></i>"))),
    page("void items", `<p id=main>{{1|<img class=item data-id=1>}} {{2|<img class=item data-id=2 />}}<br></p>`),
    page(
      "void items that have their ids as any element does",
      "<p id=main>{{1|<img class=item data-id=1>}}{{2|<img class=item data-id=2>}}</p>",
      {
        lists: [{ ...MAIN, id: { selector: "#main > .item", attribute: "data-id" } }],
      },
    ),
    page(
      "an end tag ends items in items",
      `<div id=main>${item("1", "<p class=item data-id=9><span class=item data-id=8>in")}${item("2", "<b class=item>")}</div>`,
      { lists: [{ ...MAIN, items: "#main .item" }] },
    ),
    page(
      "what end tags may have",
      `<div id=main>{{1|<div class=item data-id=1>a</div title="</b>">}}{{2|<DIV class=item data-id=2>b</dIv/>}}</div>`,
    ),
    page("an end tag of others, whose name is a part", `<div id=main><di class=item data-id=1>a</div>z`, {
      whys: { main: "unclosed" },
    }),
    page(
      "items that end in themselves",
      `<svg id=main>{{1|<a class=item data-id=1 />}}{{2|<a class=item data-id=2></a>}}</svg>`,
    ),
    page(
      "items of SVG whose names are those of void elements",
      `<svg id=main>{{1|<link class=item data-id=1>a</link>}}{{2|<link class=item data-id=2 />}}</svg>`,
    ),
    page("list without an end", `<div id=main>${"<div class=item data-id=1>a</div>".repeat(2)}<p>end`, {
      whys: { main: "unclosed" },
    }),
    page("list that its parent ends", `<div><p><span id=main>${three.join("")}</div>z`),
    page(
      "two lists",
      `<ul class=side>{{side:7|<li class=entry><a class=link href="/p/7">a</a></li>}}</ul>${main(...three)}`,
      {
        ...{ lists: [MAIN, SIDE], whys: { main: null, side: null } },
      },
    ),
    page(
      "a list in a list",
      main(...three, '<ul class="side"><li class=entry><a class=link href="/p/7">a</a></li></ul>'),
      {
        ...{ lists: [MAIN, SIDE], whys: { main: null, side: "no-match" } },
      },
    ),
    page(
      "ids twice, and none",
      main(item("1"), '<div class=item data-id="1">again</div>', "<div class=item>none</div>", item("2")),
    ),
    page("no items", main("<div>no item</div>"), { whys: { main: "no-match" } }),
    page("no list", "<p>nothing here", { whys: { main: "no-match" } }),
    page("empty", "", { whys: { main: "no-match" } }),
    page(
      "table",
      `<table><tbody id=main>${["1", "2"].map((id) => `{{${id}|<tr class=item data-id=${id}><td>a<td>b</tr>}}`).join("\r\n")}</table>`,
    ),
    page(
      "capitals",
      `<DIV ID=main>{{1|<DIV CLASS="item" DATA-ID="1">a</DIV >}}{{2|<Div class=item data-id=2>b</dIV>}}</DIV>`,
    ),
    page(
      "brackets in attributes",
      main(item("1", '<b title="</div>">'), `{{2|<div title='>"' class=item data-id=2>b</div>}}`),
    ),
    page("references in ids", main(item("a&b").replaceAll('"a&b"', '"a&amp;b"'), item("é").replace('"é"', '"&#xe9;"'))),
    page("byte order mark", `\u{feff}${main(...three)}`),
    page("what looks like marks", main(item("1", "\u0001"), item("2", "\u0001a1b2\u0001"), `\u0001${"0".repeat(16)}a`)),
    page("no charset is said", main(item("1", "\u00e9"), item("2", "\u00ff")), { charset: null, encode: latin1 }),
    page("windows-1252", main(item("1", "\u0080\u00e9"), item("2")), inBytes("windows-1252")),
    page("windows-1251", main(item("1", "\u00cf\u00f0"), item("2")), inBytes("windows-1251")),
    page("shift_jis", main(item("1", "\u0083\u005c\u0095\u005c"), item("2")), inBytes("shift_jis")),
    page("gbk", main(item("1", "\u00b4\u007c\u0081\u0040"), item("2")), inBytes("gbk")),
    page(
      "bytes that are no UTF-8",
      main(item("1", "\u00ff\u00fe\u0080\u00c3"), item("2", "\u00f0\u009f")),
      inBytes("utf-8"),
    ),
    page("plaintext", `${main(...three)}<plaintext></div><div id=main>`),
    page("stops within a tag", `${main(...three)}<p class="x`),
    page("stops within the list", `<div id=main><div class=item data-id=1>a</div><div class=item`, {
      whys: { main: "unclosed" },
    }),
    ...(large ? largePages() : []),
  ];
}

function largePages(): HandMadePage[] {
  const filler = "<p>some text that goes on</p>\n";
  const many = (bytes: number): string => filler.repeat(Math.ceil(bytes / filler.length));
  return [
    page("5 MB", `${many(2.5 * MIB)}${main(...three)}${many(2.5 * MIB)}`),
    page("list of 1 MB", main(...Array.from({ length: 50 }, (_, i) => item(String(i), many(20_000))))),
    page("list of 2 MB", main("<div class=item data-id=1></div>", many(2 * MIB)), { whys: { main: "too-long" } }),
    page("1,001 items", main("<div class=item data-id=1></div>".repeat(1001)), { whys: { main: "too-long" } }),
    page("a tag of 4 MB", `<div title="${"-x".repeat(2 * MIB)}"></div>${main("<div class=item data-id=1></div>")}`, {
      whys: { main: "parser" },
    }),
    page("a script of 4 MB", `<script>${"x ".repeat(2 * MIB)}</script>${main(...three)}`),
  ];
}
