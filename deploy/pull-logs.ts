import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../trainer/errors.ts";
import { writeWhole } from "../trainer/io/files.ts";
import { openLocalBindings } from "./local-bindings.ts";
import { WRANGLER_CONFIG } from "./wrangler.ts";

/** The Worker's binding of the bucket that its queue's lines are written into. */
const BINDING = "EXPOSURE_LOGS";

/** What the consumer of the queue calls an object. Whatever else a bucket has is not copied. */
const OBJECT = /^(exposures|events)\/\d{4}-\d\d-\d\d\/\d\d\/[0-9a-f]{32}\.ndjson\.gz$/;

/** What is used of a bucket of R2. */
interface Bucket {
  list(options: { cursor?: string }): Promise<{ objects: { key: string; size: number }[]; cursor?: string }>;
  get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
}

export interface PulledLogs {
  /** Objects that were copied, and those that the folder had. */
  copied: number;
  present: number;
  /** Of those that were copied. */
  bytes: number;
}

/**
 * Copies the logs of exposures and events of the local R2, where `wrangler dev` has them, into a folder that `analyze`
 * reads. Objects never change, so that those which the folder has are left as they are. Throws UserError where the
 * configuration has no bucket for them.
 */
export async function pullLogs(
  to: string,
  { config = WRANGLER_CONFIG, persistTo, environment }: { config?: string; persistTo?: string; environment?: string },
): Promise<PulledLogs> {
  await using bindings = await openLocalBindings("local R2", config, persistTo, environment);
  const bucket = bindings.env[BINDING] as Bucket | undefined;
  if (!bucket) throw new UserError(`${config}: got no r2_buckets with the binding ${BINDING}, expected one`);
  const pulled: PulledLogs = { copied: 0, present: 0, bytes: 0 };
  let cursor: string | undefined;
  do {
    const page = await bucket.list(cursor === undefined ? {} : { cursor });
    for (const { key } of page.objects.filter(({ key }) => OBJECT.test(key))) {
      const path = join(to, ...key.split("/"));
      const object = existsSync(path) ? null : await bucket.get(key);
      if (!object) {
        pulled.present++;
        continue;
      }
      const content = new Uint8Array(await object.arrayBuffer());
      writeWhole(path, content);
      pulled.copied++;
      pulled.bytes += content.length;
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return pulled;
}
