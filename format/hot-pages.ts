import * as v from "valibot";
import { MAX_HOT_PAGES } from "./constants.ts";

/** The numbers of the pages that are wanted most, the hottest first, of a model with so many pages. */
export function hotPagesOf(pageCount: number) {
  return v.pipe(
    v.array(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(0),
        v.check(
          (page) => page < pageCount,
          ({ input }) => `got page ${input}, expected one of ${pageCount}`,
        ),
      ),
    ),
    v.maxLength(MAX_HOT_PAGES),
    v.check(
      (pages) => new Set(pages).size === pages.length,
      ({ input }) => `got ${input.length} pages with one twice, expected each once`,
    ),
  );
}
