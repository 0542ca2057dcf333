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
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1c2330;--muted:#5d6778;--line:#dde1e8;--grid:#e8ebf0;
--series-1:#0b62b5;--series-2:#c8500a;--series-3:#00795c;--series-4:#a8438a;
--series-5:#8a6a00;--series-6:#2a8fc9;--series-7:#6a4fc4;--series-8:#5d6778}
@media (prefers-color-scheme:dark){:root{
--page:#12151b;--card:#1a1f28;--ink:#e7eaf0;--muted:#9aa5b6;--line:#2c3442;--grid:#272e3a;
--series-1:#6db3f5;--series-2:#f59254;--series-3:#4fc9a4;--series-4:#e591cb;
--series-5:#e0bd4a;--series-6:#8fd4f7;--series-7:#b7a3f7;--series-8:#9aa5b6}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:1.25rem 1rem 3rem}
h1{font-size:1.6rem;line-height:1.2;margin:.25rem 0}
h2{font-size:1.15rem;margin:2rem 0 .75rem}h3{font-size:1rem;margin:0}
p{margin:.25rem 0;max-width:70ch}.lead,.note,figcaption p{color:var(--muted)}.note,figcaption p{font-size:.875rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1.25rem 0 0;padding:0}
.tiles div,figure,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tiles div{padding:.7rem .9rem}.tiles dt{color:var(--muted);font-size:.8rem}
.tiles dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:.75rem}
figure{margin:0;padding:.9rem .9rem .6rem}
figure svg{display:block;width:100%;height:auto;max-width:540px;margin:.6rem auto 0}
figure text{font-family:inherit}
.legend{display:flex;flex-wrap:wrap;gap:.15rem .9rem;list-style:none;margin:.35rem 0 0;padding:0;font-size:.85rem}
.legend i{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.4em}
.card{overflow-x:auto;padding:.25rem .9rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.4rem .75rem;border-top:1px solid var(--line);white-space:nowrap}
thead th{border-top:0;color:var(--muted);font-weight:500;font-size:.85rem}
th:first-child,td:first-child{text-align:left;white-space:normal;padding-left:0;font-weight:400}
th:last-child,td:last-child{padding-right:0}
.facts td:last-child{white-space:normal;overflow-wrap:anywhere}tbody:first-child tr:first-child td{border-top:0}
details{margin:.75rem 0}summary{cursor:pointer}
pre{overflow-x:auto;font:.8rem/1.45 ui-monospace,Menlo,Consolas,monospace;padding:.5rem 0}
@media (max-width:32rem){th,td{padding:.35rem .45rem;font-size:.85rem}thead th{font-size:.8rem}}
@media print{body{background:#fff}figure,.card{break-inside:avoid}}
`;

/** The whole page, as HTML. `title` and `lead` are text, not markup. */
export function page(title: string, lead: string, sections: readonly Section[]): string {
  const body = sections.map((section) => `<section><h2>${escapeHtml(section.title)}</h2>${section.html}</section>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1><p class="lead">${escapeHtml(lead)}</p>
${body.join("\n")}
</main></body></html>
`;
}

/** The few numbers that matter most, shown large. */
export function tiles(entries: readonly (readonly [name: string, value: string])[]): string {
  const list = entries.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl class="tiles">${list.join("")}</dl>`;
}

export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: "th" | "td"): string =>
    `<tr>${row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((row) => cells(row, "td")).join("\n");
  return `<div class="card"><table><thead>${cells(head, "th")}</thead><tbody>${body}</tbody></table></div>`;
}

/** A table of names and values; long values are wrapped. */
export function facts(entries: readonly (readonly [name: string, value: string])[]): string {
  const rows = entries.map(([name, value]) => `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`);
  return `<div class="card"><table class="facts"><tbody>${rows.join("\n")}</tbody></table></div>`;
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
  return `<details class="card"><summary>${escapeHtml(summary)}</summary><pre>${escapeHtml(text)}</pre></details>`;
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
