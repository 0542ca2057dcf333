import { setImmediate } from "node:timers/promises";
import type { BenchCase } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import type { Form, Heat } from "./plan.ts";
import type { Workerd } from "./workerd.ts";

/** What a checkout brings to the race: the modules that make its cases and run its kernel on them. */
export interface Checkout {
  cases: typeof import("./cases.ts");
  kernel: typeof import("./ours.ts");
  requests: typeof import("./requests.ts");
}

/** A form of a checkout's kernel, ready to race. */
export interface Entrant {
  form: Form;
  /** "workerd", or "node" with its version. */
  runtime: string;
  contestant: Contestant;
}

export function caseOf({ cases }: Checkout, { shape, oneContext }: Pick<Heat, "shape" | "oneContext">): BenchCase {
  const one = cases.benchCase(shape);
  return oneContext ? cases.withOneContext(one) : one;
}

/** All forms in Node; in workerd those of the relaxed kernel that start from row numbers. */
export async function entrantsOf(
  { kernel, requests }: Checkout,
  one: BenchCase,
  forms: readonly Form[],
  workerd: Workerd,
): Promise<Entrant[]> {
  const entrants = forms.map((form): Entrant => {
    const { precision, variant, way, raw } = form;
    const contestant = raw
      ? requests.requestContestant(one, precision, way)
      : kernel.kernelContestant(one, variant, precision, way);
    return { form, runtime: `node ${process.versions.node}`, contestant };
  });
  // Making a case blocks this process for seconds. Meanwhile workerd may have closed its idle connection, which has to
  // be noticed before the next request.
  await setImmediate();
  for (const form of forms.filter(({ variant, raw }) => variant === "relaxed" && !raw)) {
    const contestant = await workerd.contestant(one, form.precision, form.way);
    entrants.push({ form, runtime: "workerd", contestant });
  }
  return entrants;
}
