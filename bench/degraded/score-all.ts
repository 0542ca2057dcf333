export interface Scored {
  /** One for each record. */
  scores: Float64Array;
  /** Requests whose rows were not all there in time. */
  degraded: number;
}

interface Reply {
  scores: number[];
  degraded?: { reason: string };
}

/**
 * Scores records at a Worker's /v1/score, so many a request, with so many requests under way. Throws where one is not
 * answered, or lacks rows for another reason than the deadline.
 */
export async function scoreAll(
  url: URL,
  records: readonly object[],
  perRequest: number,
  connections: number,
): Promise<Scored> {
  const scores = new Float64Array(records.length);
  let degraded = 0;
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < records.length) {
      const start = next;
      next += perRequest;
      const some = records.slice(start, start + perRequest);
      const response = await fetch(new URL("/v1/score", url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ records: some }),
      });
      if (!response.ok) throw new Error(`/v1/score: got ${response.status} ${await response.text()}`);
      const reply = (await response.json()) as Reply;
      if (reply.scores.length !== some.length)
        throw new Error(`/v1/score: got ${reply.scores.length} scores, expected ${some.length}`);
      if (reply.degraded && reply.degraded.reason !== "deadline")
        throw new Error(`/v1/score: rows are missing for the reason ${reply.degraded.reason}, expected deadline`);
      if (reply.degraded) degraded++;
      scores.set(reply.scores, start);
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
  return { scores, degraded };
}
