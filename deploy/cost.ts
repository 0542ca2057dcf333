import { counted } from "../format/counted.ts";
import { bytesText } from "../trainer/terminal/table.ts";
import { type BlobForm, bytesOf } from "./blob-form.ts";
import type { KnownValues } from "./known-pages.ts";
import { MOST_READ, MOST_WRITTEN } from "./kv/kv-store.ts";
import { pageText, type UploadedModel } from "./uploaded-model.ts";

// What Workers KV costs: https://developers.cloudflare.com/kv/platform/pricing, on the paid plan and beyond what the
// plan includes. What R2 costs, of the standard class: https://developers.cloudflare.com/r2/pricing.

/** Dollars for a key that is written, or deleted. */
const WRITE = 5 / 1e6;
/** Dollars for a key that is read, whether it is there or not. */
const READ = 0.5 / 1e6;
/** Dollars for a byte that is stored for a month. */
const BYTE_MONTH = 0.5 / 1e9;

/** Dollars for a range that is read of an object of R2. */
const R2_READ = 0.36 / 1e6;
/** Dollars for a byte that R2 stores for a month. */
const R2_BYTE_MONTH = 0.015 / 1e9;

/** Where pages may be. */
export type PageSource = "kv" | "r2" | "assets";

/** Dollars for a page that is read. Static assets are not billed. */
export const PAGE_READ: Readonly<Record<PageSource, number>> = { kv: READ, r2: R2_READ, assets: 0 };

/** Dollars a month for a byte of a page that is stored: KV has pages as base64, R2 as they are. */
export const PAGE_BYTE_MONTH: Readonly<Record<PageSource, number>> = {
  kv: (4 / 3) * BYTE_MONTH,
  r2: R2_BYTE_MONTH,
  assets: 0,
};

/** What an upload does, as far as it is known before. */
export interface UploadCost {
  /** Keys. */
  writes: number;
  reads: number;
  /** Of the values that are written: pages are base64. */
  bytes: number;
}

/** Dollars: at once, and for every month that the values stay. */
export function dollarsOf({ writes, reads, bytes }: UploadCost): { once: number; monthly: number } {
  return { once: writes * WRITE + reads * READ, monthly: bytes * BYTE_MONTH };
}

/** A line that says what an upload costs. */
export function costText(cost: UploadCost): string {
  const { once, monthly } = dollarsOf(cost);
  const count = (n: number): string => n.toLocaleString("en");
  return (
    `writes at most ${counted(cost.writes, "key")} of ${bytesText(cost.bytes)} and reads ${count(cost.reads)}: ` +
    `${dollarText(once)} once, and ${dollarText(monthly)} a month`
  );
}

function dollarText(dollars: number): string {
  return dollars > 0 && dollars < 0.01 ? "less than $0.01" : `$${dollars.toFixed(2)}`;
}

/** Pages by whose length the length of all is estimated. */
const MEASURED_PAGES = 16;
/** Keys that a publication writes or deletes besides: journal, manifest, history, pointer, default. */
const SMALL_WRITES = 8;

/** Reads of a base: to make a patch of it, and to read that back. */
const BASE_READS = 2;

/** What an upload costs at most. `form`: how the blob is stored. `known`: null where all is read back. */
export async function uploadCost(
  { pages }: UploadedModel,
  form: BlobForm,
  known: KnownValues | null,
  done: number,
): Promise<UploadCost> {
  const parts = form.keys.length;
  const missing = pages.filter(({ digest }, i) => i >= done && !known?.pages.has(digest));
  const measured = missing.filter((_, i) => i % Math.ceil(missing.length / MEASURED_PAGES) === 0);
  let bytes = 0;
  for (const page of measured) bytes += (await pageText(page)).length;
  const doneParts = form.values === null ? parts : Math.min(parts, Math.max(0, done - pages.length));
  const batches = Math.ceil(missing.length / MOST_WRITTEN);
  return {
    writes: missing.length + parts - doneParts + batches + SMALL_WRITES,
    reads:
      (known === null ? pages.length : Math.min(MOST_READ, pages.length)) +
      parts +
      SMALL_WRITES +
      (form.base === null ? 0 : BASE_READS),
    bytes: (measured.length > 0 ? (bytes / measured.length) * missing.length : 0) + bytesOf(form, doneParts),
  };
}
