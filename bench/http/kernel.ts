import { openPage, type Page } from "../../format/page.ts";
import { kernelModule } from "../../runtime/node.ts";
import { placeBlob } from "../../runtime/placed-blob.ts";
import { Scorer } from "../../runtime/scorer.ts";
import { median } from "../../trainer/metrics/median.ts";
import { processorMs } from "../processor-time.ts";
import type { HttpModel } from "./model.ts";

/** Records of a turn, so that it is long enough for the clock of the processor. */
const TURN_RECORDS = 20_000;

type Exported = Pick<HttpModel, "exported">;

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
  const { scorer, pages } = await scorerOf(model);
  const jobs = cases.map((bodies) => ({
    runs: bodies.map((body) => scoring(scorer, body, pages)),
    times: [] as number[],
  }));
  for (let round = 0; round <= rounds; round++) {
    for (const { runs, times } of jobs) {
      let records = 0;
      let requests = 0;
      const started = processorMs();
      for (; records < TURN_RECORDS; requests++) records += runs[requests % runs.length]().length;
      if (round > 0) times.push((processorMs() - started) / requests);
    }
  }
  return jobs.map(({ times }) => median(times));
}

/** The scores of each body, with all rows. */
export async function scoresOf(model: Exported, bodies: readonly Body[]): Promise<Float32Array[]> {
  const { scorer, pages } = await scorerOf(model);
  return bodies.map((body) => scoring(scorer, body, pages)());
}

/** What scores a body. */
function scoring(
  scorer: Scorer,
  { records, context, candidates = [] }: Body,
  pages: Map<number, Page>,
): () => Float32Array {
  if (records) {
    const located = scorer.locate(scorer.encode(records));
    return () => scorer.score(located, pages).scores;
  }
  const located = scorer.locate(scorer.encodeCandidates(context, candidates), candidates.length);
  return () => scorer.rank(located, pages).scores;
}

async function scorerOf(model: Exported): Promise<{ scorer: Scorer; pages: Map<number, Page> }> {
  const scorer = new Scorer(placeBlob(await kernelModule("relaxed"), model.exported.blob));
  return { scorer, pages: await pagesOf(model, scorer) };
}

async function pagesOf({ exported }: Exported, { manifest }: Scorer): Promise<Map<number, Page>> {
  const pages = new Map<number, Page>();
  for (const [number, page] of exported.pages.entries())
    if ("bytes" in page) pages.set(number, await openPage(page.bytes, manifest, number, page.digest));
  return pages;
}
