// A Worker in front of an origin that answers in one of several ways, by its path:
//   GET /pass      what the origin answers
//   GET /parser    the same through a parser that does nothing at the elements which re-ranking looks at
//   GET /rerank    the same through the re-ranker, its list turned round
//   GET /check?part=NAME  what is wrong with pages of that part (../../../test/worker/rerank/splice.ts), as JSON

import { faultsOfFailing, faultsOfGenerated, faultsOfHandMade } from "../../../test/worker/rerank/splice.ts";
import { seeded } from "../../../testing/format/random.ts";
import { handMadePages } from "../../../testing/rerank/hand-made-pages.ts";
import { randomPage } from "../../../testing/rerank/random-page.ts";
import { MemoryBudget } from "../../../worker/memory/memory-budget.ts";
import { RerankCounters } from "../../../worker/metrics/rerank-counters.ts";
import { compileRoutes } from "../../../worker/rerank/compiled-routes.ts";
import { Reranker } from "../../../worker/rerank/reranker.ts";
import { type Checked, PAGE_ROUTES } from "../page.ts";

interface Bindings {
  /** The base of the origin's URLs. */
  ORIGIN: string;
}

const arranging = { arrange: async ({ ids }: { ids: readonly string[] }) => ({ shown: [...ids.keys()].reverse() }) };
const turnedRound = { arranging, cookies: [] };
const reranker = new Reranker(() => turnedRound, new MemoryBudget(Date.now), new RerankCounters());
const [route] = compileRoutes(PAGE_ROUTES);
const selectors = route.html.flatMap(({ list, items, sources }) => [
  ...[list, items],
  ...sources.flatMap(({ selector }) => selector ?? []),
]);

export default {
  async fetch(request: Request, env: Bindings, ctx: ExecutionContext): Promise<Response> {
    const { pathname, search, searchParams } = new URL(request.url);
    if (pathname === "/check") return Response.json(await check(searchParams.get("part") ?? ""));
    const ask = (): Promise<Response> => fetch(new Request(`${env.ORIGIN}${pathname}${search}`, request));
    if (pathname === "/pass") return ask();
    if (pathname === "/parser") return parsed(await ask());
    const keepAlive = (promise: Promise<unknown>): void => ctx.waitUntil(promise);
    return reranker.answer({ request, route, groups: {}, origin: env.ORIGIN, env, keepAlive });
  },
};

function parsed(response: Response): Response {
  const rewriter = new HTMLRewriter();
  for (const selector of selectors) rewriter.on(selector, { element() {} });
  return rewriter.transform(response);
}

const GENERATED = 200;
const FAILING = 20;

async function check(part: string): Promise<Checked> {
  if (part === "generated") {
    const { faults, arranged } = await faultsOfGenerated(GENERATED);
    return { pages: GENERATED, times: arranged, faults };
  }
  if (part === "hand-made") {
    const pages = handMadePages(true);
    return { pages: pages.length, times: pages.length, faults: await faultsOfHandMade(pages, [1, 2, 3, 17, 777]) };
  }
  const pages = [
    ...handMadePages(false),
    ...Array.from({ length: FAILING }, (_, seed) => randomPage(seeded(seed), `seed ${seed}`)),
  ];
  const checked: Checked = { pages: pages.length, times: 0, faults: [] };
  for (const page of pages) {
    const { faults, failures } = await faultsOfFailing(page);
    checked.faults.push(...faults);
    checked.times += failures;
  }
  return checked;
}
