import { expect, test } from "vitest";
import { seeded } from "../../../testing/format/random.ts";
import { handMadePages } from "../../../testing/rerank/hand-made-pages.ts";
import { randomPage } from "../../../testing/rerank/random-page.ts";
import { faultsOfFailing, faultsOfGenerated, faultsOfHandMade } from "./splice.ts";

// More pages, and a failure at each token of all of them: `npm run bench -- rerank`.

test("items of generated pages move, and every other byte stays", async () => {
  const { faults, arranged } = await faultsOfGenerated(30);
  expect(faults).toEqual([]);
  expect(arranged).toBeGreaterThan(30);
});

test("items of pages that are hard to parse move, or the page stays as it is", async () => {
  expect(await faultsOfHandMade(handMadePages(true), [1, 7, 777])).toEqual([]);
});

test("where the parser fails, at whichever token, the page arrives whole", async () => {
  const handMade = handMadePages(false).filter(({ name }) => name === "two lists");
  for (const page of [randomPage(seeded(1), "seed 1"), ...handMade]) {
    const { faults, failures } = await faultsOfFailing(page);
    expect(faults).toEqual([]);
    expect(failures).toBeGreaterThan(15);
  }
});
