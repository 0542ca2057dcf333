import { counted } from "../../format/counted.ts";
import { bytesText, table } from "../../trainer/terminal/table.ts";
import { centsText, type LayoutPlan, type Plan } from "./plan.ts";
import type { TrafficPlan } from "./traffic-plan.ts";

/** The plan as tables and lines for a terminal. */
export function planText(plan: Plan): string {
  const { heads, present, pageSizes, cacheBytes, keysPerRequest, recommended } = plan;
  const lines = [
    `${counted(plan.records, "record")}; an isolate with ${bytesText(cacheBytes)} for cached rows, at most ` +
      `${counted(keysPerRequest, "key")} a request; counted once warm, after ${counted(present.score.warmUp, "request")} of one ` +
      `record${present.rank ? `, or ${count(present.rank.warmUp)} of ${counted(plan.candidates, "candidate")}` : ""}`,
    layoutsTable(heads, plan.candidates),
    ...(pageSizes.length > 1 ? [layoutsTable(pageSizes, plan.candidates)] : []),
    storageLine(present),
    ...recommended.reasons,
    ...catalogueLines(plan),
  ];
  return lines.join("\n");
}

/** Three lines: what requests cost with the head that the model has, what a better one would, and a catalogue. */
export function shortPlanText(plan: Plan): string {
  const { present: now } = plan;
  const shape = (name: string, traffic: TrafficPlan): string =>
    `${name} ${traffic.keys.mean.toFixed(2)} keys (p95 ${traffic.keys.p95}), ` +
    `$${traffic.dollarsPerMillion.kv.toFixed(2)} per million`;
  const rank = now.rank ? `; ${shape(`ranking ${plan.candidates}`, now.rank)}` : "";
  return [
    `requests once warm, from Workers KV: ${shape("scoring one record", now.score)}${rank}`,
    plan.recommended.reasons[0],
    catalogueLines(plan)[0] ?? "`plan` compares more heads and sizes of pages",
  ].join("\n");
}

function layoutsTable(layouts: readonly LayoutPlan[], candidates: number): string {
  const head = ["head", "of blob", "pages", "requests", "young", "keys", "p95", "KiB", "p95"];
  const rows = layouts.flatMap((layout) => [
    row(layout, "score 1", layout.score),
    ...(layout.rank ? [row(layout, `rank ${candidates}`, layout.rank)] : []),
  ]);
  return table([...head, "blob", "isolate", "no row", "read", "too many", "$/10⁶ KV", "R2"], rows);
}

function row(layout: LayoutPlan, name: string, traffic: TrafficPlan): string[] {
  const { headFactor, headBytes, filterBytes, pages, pageBytes } = layout;
  const { youngKeys, keys, bytes, tiers, dollarsPerMillion } = traffic;
  const share = (of: number): string => `${(100 * of).toFixed(1)} %`;
  return [
    ...[`${headFactor} ×`, bytesText(headBytes + filterBytes), `${count(pages)} × ${pageBytes / 1024} KiB`, name],
    ...[youngKeys.toFixed(2), keys.mean.toFixed(2), String(keys.p95)],
    ...[(bytes.mean / 1024).toFixed(1), (bytes.p95 / 1024).toFixed(1)],
    ...[share(tiers.blob), share(tiers.isolate), share(tiers.absent), share(tiers.source), share(tiers.beyondLimit)],
    ...[dollarsPerMillion.kv.toFixed(2), dollarsPerMillion.r2.toFixed(2)],
  ];
}

function storageLine({ pages, pagesBytes, publishDollars, storageDollarsPerMonth }: LayoutPlan): string {
  const { kv, r2 } = storageDollarsPerMonth;
  return (
    `as it is, ${counted(pages, "page")} of ${bytesText(pagesBytes)} in all: $${publishDollars.toFixed(2)} to publish into ` +
    `KV, $${kv.toFixed(3)} a month there and $${r2.toFixed(3)} in R2; static assets cost nothing`
  );
}

function catalogueLines({ catalogue, candidates }: Plan): string[] {
  if (catalogue === null) return [];
  const { keys, savesPerMillion, paysFrom, items, entries } = catalogue;
  const bytes = entries
    ? `, with ${count(entries.inBlob)} of all ${count(items?.count ?? 0)} values of ${items?.field} in the blob and the others ` +
      `in ${counted(entries.pages, "page")}`
    : items
      ? `, for ${bytesText(items.bytes)} of the blob with all ${count(items.count)} values of ${items.field}`
      : "";
  const from =
    paysFrom === null
      ? `does not save a key a request with up to ${counted(candidates, "candidate")}`
      : `saves a key a request from ${paysFrom} candidates on`;
  const saved = centsText(savesPerMillion);
  return [
    `a catalogue of items ${from}: ${keys.toFixed(2)} keys to rank ${candidates}` +
      `${saved === null ? "" : `, ${saved} less per million requests`}${bytes}`,
  ];
}

function count(n: number): string {
  return n.toLocaleString("en");
}
