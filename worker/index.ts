import { createApp } from "./app.ts";
import { scoringEntrypoint } from "./rpc/scoring-entrypoint.ts";

const app = createApp();
export default app;

/** What other Workers bind as a service. */
export const Scoring = scoringEntrypoint(app);
