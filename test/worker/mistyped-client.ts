import { hc } from "hono/client";
import type { AppType } from "../../worker/app.ts";

const client = hc<AppType>("https://edge.test");

/** What must not compile: the compiler refuses each line, or this file. It never runs. */
export function wrong(): void {
  // @ts-expect-error No records.
  void client.v1.score.$post({ json: {} });
  // @ts-expect-error No such member.
  void client.v1.score.$post({ json: { records: [], recrods: [] } });
  // @ts-expect-error A record's value is no object.
  void client.v1.score.$post({ json: { records: [{ site: {} }] } });
  // @ts-expect-error No such objective.
  void client.v1.rank.$post({ json: { candidates: [], objective: "cpm" } });
  // @ts-expect-error No such route.
  void client.v1.guess.$post({ json: {} });
}
