import { openPage, type Page } from "../../format/page.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { median } from "../../trainer/metrics/median.ts";
import { processorMs } from "../processor-time.ts";
import type { HttpModel } from "./model.ts";

/** Records of a turn, so that it is long enough for the clock of the processor. */
const TURN_RECORDS = 20_000;

interface Body {
  records?: object[];
  context?: object;
  candidates?: object[];
}

/**
 * The kernel's share of each list of bodies: milliseconds of processor time a request that scoring takes in Node when
 * all is encoded, its rows are looked up, and the pages are there.
 */
export async function kernelMs(
  model: HttpModel,
  cases: readonly (readonly Body[])[],
  rounds: number,
): Promise<number[]> {
  const scorer = new Scorer(placeBlob(await kernelModule("relaxed"), model.exported.blob));
  const pages = await pagesOf(model, scorer);
  const jobs = cases.map((bodies) => ({
    runs: bodies.map((body) => scoring(scorer, body, pages)),
    times: [] as number[],
  }));
  for (let round = 0; round <= rounds; round++) {
    for (const { runs, times } of jobs) {
      let records = 0;
      let requests = 0;
      const started = processorMs();
      for (; records < TURN_RECORDS; requests++) records += runs[requests % runs.length]();
      if (round > 0) times.push((processorMs() - started) / requests);
    }
  }
  return jobs.map(({ times }) => median(times));
}

/** What scores a body, and gives the number of its records. */
function scoring(scorer: Scorer, { records, context, candidates = [] }: Body, pages: Map<number, Page>): () => number {
  if (records) {
    const located = scorer.locate(scorer.encode(records));
    return () => scorer.score(located, pages).scores.length;
  }
  const located = scorer.locate(scorer.encodeCandidates(context, candidates), candidates.length);
  return () => scorer.rank(located, pages).scores.length;
}

async function pagesOf({ exported }: HttpModel, { manifest }: Scorer): Promise<Map<number, Page>> {
  const pages = new Map<number, Page>();
  for (const [number, page] of exported.pages.entries())
    if ("bytes" in page) pages.set(number, await openPage(page.bytes, manifest, number, page.digest));
  return pages;
}
