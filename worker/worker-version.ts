import * as v from "valibot";

/** Which deployed version of the Worker this is: what a binding of version metadata says. */
export interface WorkerVersion {
  id: string;
  /** What `wrangler versions upload --tag` named it; "": it has no name. */
  tag: string;
}

export const WorkerVersionSchema = v.object({ id: v.string(), tag: v.optional(v.string(), "") });
