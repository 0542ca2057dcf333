import { MAX_BLOB_BYTES, MAX_PAGE_BYTES } from "../../format/constants.ts";
import { KEY_BYTES } from "../../trainer/export/rows.ts";
import type { IsolateLimits } from "../../trainer/plan/planned-isolate.ts";
import type { ModelSizes, PlannedModel } from "../../trainer/plan/planned-model.ts";
import type { PlannedRecords } from "../../trainer/plan/planned-records.ts";
import { bytesOf, layOut } from "../../trainer/plan/planned-rows.ts";
import { dollarsOf, PAGE_BYTE_MONTH, PAGE_READ, type PageSource } from "../cost.ts";
import { type ItemPagesPlan, planItemPages } from "./item-plan.ts";
import { planTraffic, type TrafficPlan, YOUNG_REQUESTS } from "./traffic-plan.ts";

/** What a layout of the rows takes, costs and answers. */
export interface LayoutPlan {
  /** Times the head that the model has, or would have by its spec. */
  headFactor: number;
  /** Bytes of the blob for rows and their index, and for the filter of the rows in pages. */
  headBytes: number;
  headRows: number;
  filterBytes: number;
  pageBytes: number;
  pages: number;
  pagesBytes: number;
  /** Requests that score one record each. */
  score: TrafficPlan;
  /** Requests that rank candidates; null where the model has no item's fields. */
  rank: TrafficPlan | null;
  /** Dollars to publish all pages into KV once, and to store them, by source. */
  publishDollars: number;
  storageDollarsPerMonth: Record<PageSource, number>;
}

/** What ranking reads where items are those of a catalogue. */
export interface CataloguePlan {
  /** Keys of a request to rank so many candidates, without a catalogue. */
  byCandidates: { candidates: number; keys: number }[];
  /** Keys of a request with one: of the context, and of items in pages. */
  keys: number;
  /** Dollars that it saves for a million requests with the plan's candidates, from KV. */
  savesPerMillion: number;
  /** The fewest of these candidates with which it saves a key a request; null where none of them do. */
  paysFrom: number | null;
  /** Items, as the values of the item's field that has most rows; and the bytes that they would take as sums. */
  items: { field: string; count: number; bytes: number } | null;
  /** Set where these do not fit the blob's budget of items: they are entries then, and may be in pages. */
  entries: ItemPagesPlan | null;
}

export interface Plan {
  records: number;
  candidates: number;
  cacheBytes: number;
  keysPerRequest: number;
  /** By head, from the smallest on. */
  heads: LayoutPlan[];
  /** The one of them that the model has. */
  present: LayoutPlan;
  /** With the recommended head: by bytes of a page. */
  pageSizes: LayoutPlan[];
  recommended: { headFactor: number; headBytes: number; pageBytes: number; reasons: string[] };
  catalogue: CataloguePlan | null;
}

export interface PlanOptions extends ModelSizes {
  candidates: number;
  headFactors?: readonly number[];
  pageFactors?: readonly number[];
}

/** A model and the isolate that serves it. */
type ServedModel = PlannedModel & { limits: IsolateLimits };

const HEAD_FACTORS = [0, 0.25, 0.5, 1, 2, 4] as const;
const PAGE_FACTORS = [0.5, 1, 4] as const;
const CATALOGUE_CANDIDATES = [1, 10, 100] as const;

/** A larger head is not worth it where it saves less: this share of the price, and dollars for a million requests. */
const WORTH_SHARE = 0.1;
const WORTH_DOLLARS = 0.05;
/** Smaller pages are not worth a key each; rows of few numbers are small, too, and fit. */
const LEAST_PAGE_BYTES = 1024;
/** Keys that each publication writes beside pages. */
const OTHER_KEYS = 8;

/**
 * Plans where a model's rows should be: simulates an isolate that serves the records of a log, for several heads and
 * then for several sizes of pages. Heads that the blob has no room for are left out. The same records, rows and options
 * give the same plan. Throws FormatError where the rows fit no pages.
 */
export function makePlan(model: ServedModel, records: PlannedRecords, options: PlanOptions): Plan {
  const { blobBytes, pageBytes, candidates, otherBlobBytes } = options;
  const { headFactors = HEAD_FACTORS, pageFactors = PAGE_FACTORS } = options;
  const heads: LayoutPlan[] = [];
  for (const factor of headFactors) {
    const plan = planLayout(model, records, options, factor, pageBytes);
    const before = heads.at(-1);
    if (otherBlobBytes + plan.headBytes + plan.filterBytes > MAX_BLOB_BYTES && factor > 1) break;
    if (before && before.headRows === plan.headRows) {
      // All rows that may be in the blob are there already, or the head that the model has is none.
      if (factor !== 1) continue;
      heads.pop();
    }
    heads.push(plan);
  }
  const present = heads.find(({ headFactor }) => headFactor === 1) ?? lastOf(heads);
  const best = chooseHead(heads);
  const chosen = best.headRows > present.headRows && savingText(present, best) === null ? present : best;
  const sizes = pageFactors.filter((factor) => factor === 1 || isPageSize(factor * pageBytes));
  const pageSizes = sizes.map((factor) =>
    factor === 1 ? chosen : planLayout(model, records, options, chosen.headFactor, factor * pageBytes),
  );
  const page = choosePage(pageSizes, chosen);
  const isRanked = model.isItem.some(Boolean);
  return {
    records: records.count,
    candidates,
    cacheBytes: model.limits.cacheBytes,
    keysPerRequest: model.limits.keysPerRequest,
    heads,
    present,
    pageSizes,
    recommended: {
      headFactor: chosen.headFactor,
      headBytes: Math.round(chosen.headFactor * blobBytes),
      pageBytes: page.pageBytes,
      reasons: [headReason(heads, present, chosen), pageReason(page, chosen)],
    },
    catalogue: isRanked && options.itemBytes > 0 ? planCatalogue(model, records, options, chosen) : null,
  };
}

/** Whether a page may be so large, and may hold rows of any length. */
function isPageSize(bytes: number): boolean {
  return bytes >= LEAST_PAGE_BYTES && bytes <= MAX_PAGE_BYTES;
}

/** What one layout takes, costs and answers. */
function planLayout(
  model: ServedModel,
  records: PlannedRecords,
  { blobBytes, candidates, filterBits }: PlanOptions,
  headFactor: number,
  pageBytes: number,
): LayoutPlan {
  const { rows } = model;
  const layout = layOut(rows, headFactor * blobBytes, pageBytes, filterBits);
  const bytes = bytesOf(rows, layout);
  const stored = (source: PageSource): number => bytes.pages * PAGE_BYTE_MONTH[source];
  return {
    headFactor,
    headBytes: bytes.head,
    headRows: layout.headRows,
    filterBytes: bytes.filter,
    pageBytes,
    pages: layout.pageCount,
    pagesBytes: bytes.pages,
    score: planTraffic(model, layout, records, null),
    rank: model.isItem.some(Boolean) ? planTraffic(model, layout, records, candidates) : null,
    publishDollars: dollarsOf({ writes: layout.pageCount + OTHER_KEYS, reads: 0, bytes: 0 }).once,
    storageDollarsPerMonth: { kv: stored("kv"), r2: stored("r2"), assets: stored("assets") },
  };
}

/** Dollars in KV for a million requests of the dearer shape. */
function priceOf({ score, rank }: LayoutPlan): number {
  return Math.max(score.dollarsPerMillion.kv, rank?.dollarsPerMillion.kv ?? 0);
}

/** The same of isolates that have just started. */
function youngPriceOf({ score, rank }: LayoutPlan): number {
  return 1e6 * PAGE_READ.kv * Math.max(score.youngKeys, rank?.youngKeys ?? 0);
}

function isWorth(saved: number, price: number): boolean {
  return saved > Math.max(WORTH_DOLLARS, WORTH_SHARE * price);
}

/** The smallest head than which no larger one is worth it, neither once isolates are warm nor while they are young. */
function chooseHead(heads: readonly LayoutPlan[]): LayoutPlan {
  const isEnough = (head: LayoutPlan, price: (of: LayoutPlan) => number): boolean =>
    !isWorth(price(head) - Math.min(...heads.map(price)), price(head));
  return heads.find((head) => isEnough(head, priceOf) && isEnough(head, youngPriceOf)) ?? lastOf(heads);
}

/** The pages with which requests cost least, if that is worth a change, and which are no more bytes to read. */
function choosePage(sizes: readonly LayoutPlan[], now: LayoutPlan): LayoutPlan {
  const cheapest = sizes.reduce((a, b) => (priceOf(b) < priceOf(a) ? b : a));
  return isWorth(priceOf(now) - priceOf(cheapest), priceOf(now)) ? cheapest : now;
}

/** The largest head. Throws where there is none. */
function lastOf(heads: readonly LayoutPlan[]): LayoutPlan {
  const last = heads.at(-1);
  if (!last) throw new Error("got no head to plan with, expected one or more");
  return last;
}

function headReason(heads: readonly LayoutPlan[], now: LayoutPlan, chosen: LayoutPlan): string {
  const next = heads[heads.indexOf(chosen) + 1];
  const further = next
    ? `; ${times(next)} would save ${savingText(chosen, next) ?? "less than a cent"} more`
    : "; no larger one was tried or would hold more";
  if (chosen === now) return `the head stays: $${priceOf(now).toFixed(2)} per million requests${further}`;
  if (chosen.headRows > now.headRows) return `a head of ${times(chosen)} saves ${savingText(now, chosen)}${further}`;
  const dearer = savingText(chosen, now);
  return `a head of ${times(chosen)} costs ${dearer === null ? "no cent" : dearer} more and is smaller`;
}

/** What requests cost less with another head, in isolates that are warm and young; null where neither is a cent. */
function savingText(from: LayoutPlan, to: LayoutPlan): string | null {
  const warm = centsText(priceOf(from) - priceOf(to));
  const young = centsText(youngPriceOf(from) - youngPriceOf(to));
  const parts = [
    ...(warm ? [`${warm} per million requests`] : []),
    ...(young ? [`${young} per million of an isolate's first ${YOUNG_REQUESTS} requests`] : []),
  ];
  return parts.length > 0 ? parts.join(" and ") : null;
}

/** Dollars to the cent; null where that is none. */
export function centsText(dollars: number): string | null {
  return dollars >= 0.005 ? `$${dollars.toFixed(2)}` : null;
}

function times({ headFactor }: LayoutPlan): string {
  return `${headFactor} × the present one`;
}

function pageReason(page: LayoutPlan, now: LayoutPlan): string {
  const price = priceOf(now).toFixed(2);
  if (page === now)
    return `pages stay at ${now.pageBytes} bytes: no other size saves more than a tenth, or $${WORTH_DOLLARS}`;
  const saved = (priceOf(now) - priceOf(page)).toFixed(2);
  return `pages of ${page.pageBytes} bytes save $${saved} of $${price} per million requests`;
}

/** With a catalogue, a request reads the rows of its context, and the items that are in pages. */
function planCatalogue(
  model: ServedModel,
  records: PlannedRecords,
  { blobBytes, candidates, filterBits, itemBytes, items }: PlanOptions,
  chosen: LayoutPlan,
): CataloguePlan {
  const layout = layOut(model.rows, chosen.headFactor * blobBytes, chosen.pageBytes, filterBits);
  const keysOf = (of: number): number => planTraffic(model, layout, records, of).keys.mean;
  const bytes = items ? items.count * (itemBytes + KEY_BYTES) : 0;
  const entries =
    items && bytes > items.blobBytes
      ? planItemPages(items, chosen.pageBytes, model.limits.cacheBytes, candidates)
      : null;
  const ofContext = keysOf(0);
  const keys = ofContext + (entries?.keys ?? 0);
  const byCandidates: CataloguePlan["byCandidates"] = CATALOGUE_CANDIDATES.filter((of) => of < candidates).map(
    (of) => ({
      candidates: of,
      keys: keysOf(of),
    }),
  );
  const most = chosen.rank?.keys.mean ?? 0;
  byCandidates.push({ candidates, keys: most });
  return {
    byCandidates,
    keys,
    savesPerMillion: dollarsOf({ writes: 0, reads: 1e6 * Math.max(0, most - keys), bytes: 0 }).once,
    paysFrom:
      byCandidates.find((of) => of.keys - ofContext - ((entries?.keys ?? 0) * of.candidates) / candidates >= 1)
        ?.candidates ?? null,
    items: items && { field: items.field, count: items.count, bytes },
    entries,
  };
}
