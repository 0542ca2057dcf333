import type { ResultKind } from "../../trainer/io/result-file.ts";
import { printable } from "../../trainer/terminal/table.ts";

// A report is one HTML file: no script, nothing from the network, readable on a phone and a desktop, in light and dark.

/** A part of a report under its own heading; `html` is trusted, built by the functions here. */
export interface Section {
  title: string;
  html: string;
}

/** A chart with what it shows above it. */
export interface Figure {
  title: string;
  /** One sentence on how to read it. */
  note: string;
  svg: string;
  /** Names of its series, in the order of the colors in SERIES. */
  legend?: readonly string[];
}

/** The color of a chart that has one series only. */
export const ACCENT = "var(--series-1)";

/** Colours of series, as CSS variables that the page defines for light and dark (after Okabe and Ito's palette). */
export const SERIES = Array.from({ length: 8 }, (_, i) => `var(--series-${i + 1})`);

const STYLE = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1c2330;--muted:#5d6778;
--line:#dde1e8;--grid:#e8ebf0;--shadow:#1c233055;
--series-1:#0b62b5;--series-2:#c8500a;--series-3:#00795c;--series-4:#a8438a;
--series-5:#8a6a00;--series-6:#2a8fc9;--series-7:#6a4fc4;--series-8:#5d6778}
@media (prefers-color-scheme:dark){:root{
--page:#12151b;--card:#1a1f28;--ink:#e7eaf0;--muted:#9aa5b6;--line:#2c3442;--grid:#272e3a;--shadow:#000c;
--series-1:#6db3f5;--series-2:#f59254;--series-3:#4fc9a4;--series-4:#e591cb;
--series-5:#e0bd4a;--series-6:#8fd4f7;--series-7:#b7a3f7;--series-8:#9aa5b6}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:1.25rem 1rem 3rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.2;margin:.25rem 0}
h2{font-size:1.15rem;margin:2rem 0 .75rem}h3{font-size:1rem;margin:0}h3.part{margin:1rem 0 .5rem}
p{margin:.25rem 0;max-width:70ch}.lead,.note,figcaption p{color:var(--muted)}.note,figcaption p{font-size:.875rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1.25rem 0 0;padding:0}
.tiles div,figure,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tiles div{padding:.7rem .9rem;min-width:0}.tiles dt{color:var(--muted);font-size:.8rem}
.tiles dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
.tiles dd.detail{color:var(--muted);font-size:.8rem;font-weight:400}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:.75rem}
figure{margin:0;padding:.9rem .9rem .6rem;min-width:0}
figure svg{display:block;width:100%;height:auto;max-width:540px;margin:.6rem auto 0;overflow:visible}
figure text{font-family:inherit}
.legend{display:flex;flex-wrap:wrap;gap:.15rem .9rem;list-style:none;margin:.35rem 0 0;padding:0;font-size:.85rem}
.legend i{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.4em;
forced-color-adjust:none;print-color-adjust:exact}
.card{padding:.25rem .9rem;margin:.75rem 0 0}
.scroll{overflow-x:auto;padding-left:0;padding-right:0;background:
linear-gradient(to right,var(--card) 40%,transparent) left/2.5rem 100% no-repeat local,
linear-gradient(to left,var(--card) 40%,transparent) right/2.5rem 100% no-repeat local,
linear-gradient(to right,var(--shadow),transparent) left/1rem 100% no-repeat scroll,
linear-gradient(to left,var(--shadow),transparent) right/1rem 100% no-repeat scroll,
var(--card)}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--series-1);outline-offset:2px}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;position:relative}
th,td{text-align:right;padding:.4rem .75rem;border-top:1px solid var(--line);white-space:nowrap}
thead>tr>*{border-top:0;color:var(--muted);font-weight:500;font-size:.85rem}
tr>:first-child{text-align:left;white-space:normal;overflow-wrap:break-word;font-weight:400;
min-width:5.5rem;max-width:24rem;padding-left:.9rem;position:sticky;left:0;background:var(--card)}
th:last-child,td:last-child{padding-right:.9rem}td.text,th.text{text-align:left}
.long{white-space:normal;overflow-wrap:anywhere;min-width:12rem}
.facts td{white-space:normal;overflow-wrap:anywhere}.facts tr:first-child>*{border-top:0}
details{margin:.75rem 0}summary{cursor:pointer}details .scroll{margin:0 -.9rem;border:0}
pre{overflow-x:auto;font:.8rem/1.45 ui-monospace,Menlo,Consolas,monospace;padding:.5rem 0}
@media (max-width:32rem){th,td{padding:.35rem .45rem;font-size:.85rem}thead th{font-size:.8rem}
tr>:first-child{max-width:45vw}.long{min-width:9rem}}
@media print{body{background:#fff}figure,tr{break-inside:avoid}h2{break-after:avoid}
.scroll{overflow:visible;background:none}table{font-size:.75rem}
tr>*{padding:.25rem .4rem;white-space:normal;overflow-wrap:break-word}thead>tr>*{font-size:inherit}
tr>:first-child{position:static;min-width:0}.long{min-width:0}pre{white-space:pre-wrap}}
`;

/** The commands that leave a page. */
type PageCommand = "train" | "compare" | "study" | "report" | "tune" | "export" | "experiment analyze";

/** A page of a command, as a file that a user names. */
export function pageResult(command: PageCommand): ResultKind {
  return { what: `page of ${command}`, isOne: (begin) => begin.startsWith(headOf(command)) };
}

/** How a page of a command begins. */
function headOf(command: PageCommand): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="deepfm-edge ${command}">`;
}

/** The whole page of a command, as HTML. `title` and `lead` are text, not markup. */
export function page(command: PageCommand, title: string, lead: string, sections: readonly Section[]): string {
  const body = sections.map((section) => `<section><h2>${escapeHtml(section.title)}</h2>${section.html}</section>`);
  return `${headOf(command)}
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1><p class="lead">${escapeHtml(lead)}</p>
${body.join("\n")}
</main></body></html>
`;
}

/** The few numbers that matter most, shown large, with what qualifies them below. */
export function tiles(entries: readonly (readonly [name: string, value: string, detail?: string])[]): string {
  const list = entries.map(([name, value, detail]) => {
    const below = detail === undefined ? "" : `<dd class="detail">${escapeHtml(detail)}</dd>`;
    return `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>${below}</div>`;
  });
  return `<dl class="tiles">${list.join("")}</dl>`;
}

/** Rows of a table that are shown; a longer table is folded away. */
const SHOWN_ROWS = 24;

/** `caption` says what the table is about, for who cannot see where it stands; `text`: the columns that hold text. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  caption: string,
  text: readonly number[] = [],
): string {
  const cell = (content: string, column: number, scope: "row" | "col"): string => {
    // A header without a text, as in the corner of a table, would be read aloud as a header of nothing.
    const tag = content !== "" && (column === 0 || scope === "col") ? "th" : "td";
    const isLong = content.length > LONG_CELL && (scope === "col" || text.includes(column));
    const classes = [...(text.includes(column) ? ["text"] : []), ...(isLong ? ["long"] : [])];
    const kind = classes.length > 0 ? ` class="${classes.join(" ")}"` : "";
    return `<${tag}${tag === "th" ? ` scope="${scope}"` : ""}${kind}>${escapeHtml(content)}</${tag}>`;
  };
  const line = (cells: readonly string[], scope: "row" | "col"): string =>
    `<tr>${cells.map((content, column) => cell(content, column, scope)).join("")}</tr>`;
  const body = rows.map((row) => line(row, "row")).join("\n");
  return scrolling(`<thead>${line(head, "col")}</thead><tbody>${body}</tbody>`, caption);
}

/** A text of a table's cell that is wrapped where it is longer than so many characters. */
const LONG_CELL = 32;

/** A table of names and values; long values are wrapped. */
export function facts(entries: readonly (readonly [name: string, value: string])[], caption: string): string {
  const rows = entries.map(
    ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return scrolling(`<tbody>${rows.join("\n")}</tbody>`, caption, "facts");
}

/** A table in a card that scrolls where it is too wide: by hand, and from the keyboard as it can take the focus. */
function scrolling(content: string, caption: string, kind?: string): string {
  const name = escapeHtml(caption);
  const table = `<table${kind ? ` class="${kind}"` : ""}><caption>${name}</caption>${content}</table>`;
  return `<div class="card scroll" role="region" aria-label="${name}" tabindex="0">${table}</div>`;
}

/** A table of which a long one shows its first rows, and all of them when it is unfolded. */
export function longTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  caption: string,
  text: readonly number[] = [],
): string {
  if (rows.length <= SHOWN_ROWS) return htmlTable(head, rows, caption, text);
  const first = htmlTable(head, rows.slice(0, SHOWN_ROWS), `${caption}: the first ${SHOWN_ROWS}`, text);
  const all = htmlTable(head, rows, caption, text);
  return `${first}<details class="card"><summary>All ${rows.length} rows</summary>${all}</details>`;
}

/** A sentence on how to read what follows or precedes it. */
export function note(text: string): string {
  return `<p class="note">${escapeHtml(text)}</p>`;
}

export function figures(list: readonly Figure[]): string {
  return `<div class="figures">${list.map(figure).join("\n")}</div>`;
}

function figure({ title, note, svg, legend }: Figure): string {
  const entries = legend?.map(
    (name, i) => `<li><i style="background:${SERIES[i % SERIES.length]}"></i>${escapeHtml(name)}</li>`,
  );
  const keys = entries ? `<ul class="legend">${entries.join("")}</ul>` : "";
  const caption = `<h3>${escapeHtml(title)}</h3><p>${escapeHtml(note)}</p>${keys}`;
  return `<figure><figcaption>${caption}</figcaption>${svg}</figure>`;
}

/** Text to be looked up, which is folded away. */
export function folded(summary: string, text: string): string {
  const code = `<pre tabindex="0">${escapeHtml(text)}</pre>`;
  return `<details class="card"><summary>${escapeHtml(summary)}</summary>${code}</details>`;
}

/**
 * A text as HTML has it. What would turn the order of the text around it, such as in a name that a visitor sent, is
 * shown as it is on a terminal; tabs and lines stay.
 */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  const safe = text.split("\t").map(printable).join("\t");
  return safe.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
