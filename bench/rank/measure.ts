import { workerdMs } from "../processor-time.ts";
import type { RankRequest, RankServer } from "./server.ts";

/** A turn ranks at least so many candidates, in as many requests as that takes. */
const TURN_CANDIDATES = 2000;
/** How far scores may differ: an activation between two of its 7-bit steps may move with the order of float32 sums. */
const TOLERANCE = 0.02;

/** One request, and the milliseconds of processor time that the Worker takes for it, round by round. */
export interface Measured extends RankRequest {
  times: number[];
}

/**
 * Lets each server answer the requests for a list of so many candidates, all in turn in each round. From the time of a
 * request is subtracted what the same body takes to a path without a route: that is the development server's. Throws
 * unless all answers of a server have the same scores, up to TOLERANCE. Returns each server's requests.
 */
export async function measure(
  servers: readonly RankServer[],
  candidates: number,
  rounds: number,
): Promise<Measured[][]> {
  const measured = servers.map((server) =>
    server.requests(candidates).map((request): Measured => ({ ...request, times: [] })),
  );
  const turns = servers.flatMap(({ url }, i) => measured[i].map((request) => ({ url, request })));
  for (const [i, { url }] of servers.entries()) await checkScores(url, measured[i], candidates);
  const repeat = Math.ceil(TURN_CANDIDATES / candidates);
  const backwards = turns.toReversed();
  for (let round = 0; round <= rounds; round++) {
    for (const { url, request } of round % 2 === 0 ? turns : backwards) {
      const started = workerdMs();
      for (let time = 0; time < repeat; time++) await scores(url, request);
      const scored = workerdMs();
      for (let time = 0; time < repeat; time++) await nothing(url, request);
      const ms = (scored - started - (workerdMs() - scored)) / repeat;
      // The first round warms up.
      if (round > 0) request.times.push(ms);
    }
  }
  return measured;
}

async function checkScores(url: URL, requests: readonly RankRequest[], candidates: number): Promise<void> {
  const [expected, ...others] = await Promise.all(requests.map((request) => scores(url, request)));
  for (const got of others) {
    const worst = Math.max(...got.map((score, i) => Math.abs(score - expected[i])));
    if (got.length !== candidates || !(worst < TOLERANCE))
      throw new Error(`got ${got.length} scores up to ${worst} apart, expected ${candidates} within ${TOLERANCE}`);
  }
}

async function scores(url: URL, request: RankRequest): Promise<number[]> {
  const response = await post(url, request);
  if (!response.ok) throw new Error(`the Worker answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { scores: number[] }).scores;
}

/** Sends the same body to a path without a route. */
async function nothing(url: URL, { body }: RankRequest): Promise<void> {
  const response = await post(url, { path: "/none", body });
  if (response.status !== 404) throw new Error(`got ${response.status} from /none, expected 404`);
  await response.arrayBuffer();
}

function post(url: URL, { path, body }: Pick<RankRequest, "path" | "body">): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(new URL(path, url), { method: "POST", headers, body, signal: AbortSignal.timeout(60_000) });
}
