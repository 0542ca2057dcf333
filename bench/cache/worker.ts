import { createApp } from "../../worker/app.ts";

/** The Worker with a cache of a tenth of the bytes that the pages of a million rows have. */
export default createApp({ auth: () => "off", rowDeadlineMs: () => 30_000, cachedRowBytes: 3.2 * 2 ** 20 });
