import { createApp } from "./app.ts";
import { type LineBatch, type ObjectWriter, storeBatch } from "./exposures/store-batch.ts";
import { scoringEntrypoint } from "./rpc/scoring-entrypoint.ts";

const app = createApp();

/** The queue's lines go into the bucket that is bound as EXPOSURE_LOGS. */
async function queue(batch: LineBatch, { EXPOSURE_LOGS }: { EXPOSURE_LOGS?: ObjectWriter }): Promise<void> {
  await storeBatch(batch, EXPOSURE_LOGS ?? null);
}

export default { fetch: app.fetch, queue };

/** What other Workers bind as a service. */
export const Scoring = scoringEntrypoint(app);
