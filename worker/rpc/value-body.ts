import type * as v from "valibot";
import { safeParse } from "valibot";
import { faultsWith } from "../../format/parse.ts";
import type { BodySchema, LateMembers, ReadableBody, ReadBody, Refuse } from "../http/body.ts";
import type { Lease } from "../memory/memory-budget.ts";
import { measure } from "./measure.ts";
import { ValueList } from "./value-list.ts";

/** A body that came as values: the argument of a call. */
export class ValueBody implements ReadableBody {
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  async read<Schema extends BodySchema>(
    { lists }: LateMembers,
    schema: Schema,
    lease: Lease,
    refuse: Refuse,
  ): Promise<ReadBody<v.InferOutput<Schema>>> {
    const arrivedAt = performance.now();
    // The runtime has made the values already. They stay until the call ends, and so does what is taken for them.
    lease.resize(measure(this.#value, "body").memory);
    const value = withLists(this.#value, lists);
    const parsed = safeParse(schema, value, { abortEarly: true });
    if (!parsed.success) refuse(faultsWith(schema, value, "body", schema.entries), value);
    return { body: parsed.output, arrivedAt, release() {} };
  }
}

/** The body with the named lists as ValueLists. */
function withLists(body: unknown, lists: readonly string[]): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name,
      lists.includes(name) && Array.isArray(value) ? new ValueList(value) : value,
    ]),
  );
}
