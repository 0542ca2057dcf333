// What the Worker says of requests that are replayed one after the other, with so many bytes for cached rows.
import { bundleWorker } from "../../testing/attack/bundle.ts";
import { Workerd } from "../../testing/attack/workerd.ts";
import type { Tally } from "../../trainer/plan/planned-isolate.ts";
import type { PlannedRecords, PlannedRequest } from "../../trainer/plan/planned-records.ts";
import { limitCachedRows } from "../http/cached-rows.ts";
import { waitUntilLoaded } from "../http/cold.ts";
import { FIELDS, textOf } from "./model.ts";

/** What a Worker answers of a request's rows. */
export type Counts = Pick<Tally, "blob" | "isolate" | "source"> & { keys: number };

export interface Replayed extends AsyncDisposable {
  /** Sends a request. Throws where it is not answered, or with rows missing. */
  send(records: PlannedRecords, request: PlannedRequest): Promise<Counts>;
}

/** The most that the setting may allow. */
const KEYS_PER_REQUEST = "1000";

/** Starts a Worker. `kv`: host and port of Workers KV. */
export async function startReplayed(kv: string, cacheBytes: number): Promise<Replayed> {
  await using stack = new AsyncDisposableStack();
  const bundle = stack.use(await bundleWorker());
  limitCachedRows(bundle.folder, cacheBytes);
  const workerd = stack.use(
    await Workerd.start({
      bundle,
      v8Flags: [],
      texts: { AUTH: "off", MODEL_KEYS: "", ROW_DEADLINE_MS: "60000", ROW_KEYS_PER_REQUEST: KEYS_PER_REQUEST },
      kvNamespaces: { MODELS: kv },
      onLog: (level, message) => {
        if (level === "error") console.error(message);
      },
    }),
  );
  await waitUntilLoaded(workerd);
  const kept = stack.move();
  return {
    send: (records, request) => send(workerd.url, records, request),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function send(url: URL, records: PlannedRecords, request: PlannedRequest): Promise<Counts> {
  const { path, body } = bodyOf(records, request);
  const headers = { "content-type": "application/json" };
  const response = await fetch(new URL(path, url), { method: "POST", headers, body: JSON.stringify(body) });
  const timing = response.headers.get("server-timing") ?? "";
  const answer = await response.text();
  if (!response.ok || answer.includes('"degraded"')) throw new Error(`${path}: got ${response.status} ${answer}`);
  const count = (name: string): number => {
    const text = new RegExp(`\\b${name};desc="(\\d+)"`).exec(timing)?.[1];
    if (text === undefined) throw new Error(`${path}: got the server-timing ${timing}, expected ${name} in it`);
    return Number(text);
  };
  return { keys: count("kv"), blob: count("blob"), isolate: count("isolate"), source: count("source") };
}

function bodyOf({ rows, fieldOf }: PlannedRecords, { entries, contextEntries }: PlannedRequest) {
  const values = Array.from(entries, (entry) => ({ [FIELDS[fieldOf[entry]]]: textOf(rows[entry]) }));
  if (contextEntries === 0) return { path: "/v1/score", body: { records: [Object.assign({}, ...values)] } };
  const [context, ...candidates] = values;
  return { path: "/v1/rank", body: { context, candidates, sort: false } };
}
