import { FormatError } from "../../format/errors.ts";
import { type ItemPageLayout, openItemPage } from "../../format/item-page.ts";
import { openPage, type PageLayout } from "../../format/page.ts";
import type { PageContent } from "../source/source.ts";
import type { AnyPage } from "./page-uses.ts";

/** What the pages of a model are checked against. Those of items have the numbers from `pageCount` on. */
export type PagesLayout = PageLayout & ItemPageLayout;

/** A page that a request needs. */
export interface WantedPage {
  number: number;
  digest: Uint8Array;
  /** The key in the source. */
  key: string;
  /** Names all that the page is checked against, and the version where it is read of that version's own. */
  identity: string;
}

/** A page that could not be read now: the next moment it may be there. */
export class UnreadPageError extends Error {}

/**
 * Makes a page of what a source has under its key. Throws FormatError where it is missing or broken, and
 * UnreadPageError.
 */
export function openContent(
  content: PageContent | Error | null | undefined,
  { number, digest, key }: WantedPage,
  layout: PagesLayout,
): Promise<AnyPage> {
  const bytes = bytesOf(content, number, key);
  const { pageCount } = layout;
  if (number < pageCount) return openPage(bytes, layout, number, digest);
  return openItemPage(bytes, layout, number - pageCount, digest);
}

/** The bytes of a page, in memory of their own. */
function bytesOf(content: PageContent | Error | null | undefined, page: number, key: string): Uint8Array {
  if (content === null || content === undefined)
    throw new FormatError(`page ${page}`, `missing, expected it under ${key}`);
  if (content instanceof FormatError) throw content;
  if (content instanceof Error) throw new UnreadPageError(`page ${page}: ${content.message}`);
  if (typeof content !== "string") return content.slice();
  try {
    return Uint8Array.fromBase64(content);
  } catch (error) {
    throw new FormatError(`page ${page}`, `not base64: ${(error as Error).message}`);
  }
}
