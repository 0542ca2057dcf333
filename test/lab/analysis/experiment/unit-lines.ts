import { type ListEvent, writeEvent } from "../../../../format/event.ts";
import { type Exposure, writeExposure } from "../../../../format/exposure.ts";
import { exampleEvent, exampleExposure } from "../../../../testing/exposures/example-lines.ts";

/** A list of the origin's order, with the events of it. */
export interface UnitList {
  exposure?: Partial<Exposure>;
  /** Events of its first item, but where they say another. */
  events?: readonly Partial<ListEvent>[];
}

/** The ids of a list's two items. */
export const ITEMS = ["10000000", "10000007"] as const;

export const CLICK: Partial<ListEvent> = { type: "click" };

let lists = 0;

/** The lines of lists of units: as many units for each arm as it says, each in a bucket of its own. */
export function unitLines(
  counts: Readonly<Record<string, number>>,
  listsOf: (arm: string, unit: number) => readonly UnitList[],
): string[] {
  let b = 0;
  return Object.entries(counts).flatMap(([arm, count]) =>
    Array.from({ length: count }, (_, unit) => {
      const own = { arm, b: b % 10_000, u: (++b).toString(16).padStart(16, "0") };
      return listsOf(arm, unit).flatMap((list) => linesOf({ ...own, ...list.exposure }, list.events ?? []));
    }).flat(),
  );
}

function linesOf(changes: Partial<Exposure>, events: readonly Partial<ListEvent>[]): string[] {
  const origin = { policy: null, logits: undefined, model: undefined, p: "", lp: 0, shown: [0, 1] };
  const exposure = exampleExposure(2, { ...origin, id: String(lists++).padStart(30, "l"), ...changes } as object);
  const { id, t } = exposure;
  return [
    writeExposure(exposure),
    ...events.map((own) => writeEvent(exampleEvent({ id, t, received: t + 5, item: ITEMS[0], ...own }))),
  ];
}
