import type { Command } from "commander";
import { openStore } from "../../deploy/kv/open-store.ts";
import { lockStore } from "../../deploy/kv/store-lock.ts";
import { Pruning, type Removal } from "../../deploy/prune.ts";
import { integerWithin } from "../../trainer/terminal/number-option.ts";
import { presentStoreOf, type StoreFlags, withStore } from "./store-options.ts";

/** Days of --days at most: a hundred years. */
const MOST_DAYS = 36_500;
/** Versions of --keep at most: a history has no more. */
const MOST_KEPT = 100;

interface PruneFlags extends StoreFlags {
  keep: number;
  days: number;
  yes?: true;
}

export function definePrune(command: Command): void {
  command
    .argument("[name]", "the model whose versions go (default: all models)")
    .option("--keep <number>", "the newest versions of a model that stay", integerWithin(0, MOST_KEPT), 5)
    .option("--days <number>", "versions of the last so many days stay", integerWithin(0, MOST_DAYS), 14)
    .option("--yes", "delete them");
  withStore(command).action(async (name: string | undefined, { keep, days, yes, ...flags }: PruneFlags) => {
    const target = presentStoreOf(flags);
    using _lock = yes ? await lockStore(target) : null;
    await using store = await openStore(target);
    const pruning = new Pruning(store, { model: name ?? null, keep, days });
    const plan = await pruning.plan();
    for (const { model, version } of plan.forgotten) console.log(`${model}@${version}`);
    for (const version of plan.unknown) console.log(unknownText(version));
    if (yes) console.log(`deleted ${sumOf(await pruning.remove(plan))}`);
    else if (isEmpty(plan)) console.log(plan.unknown.length > 0 ? "nothing would go now" : "nothing is to go");
    else console.log(`${sumOf(plan)} would go; --yes deletes them`);
  });
}

/** What to do where an upload may be under way whose journal is damaged. */
function unknownText(version: string): string {
  return (
    `uploading/${version} is damaged, so that the pages which it counts on are not known: nothing goes before ` +
    "`publish --repair` of its export, or a day after the first --yes"
  );
}

function sumOf({ forgotten, versions, pages, journals }: Removal): string {
  const count = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const counts = [`${count(forgotten.length, "line")} of histories`, count(versions.length, "blob")];
  counts.push(count(pages, "page"));
  if (journals.length > 0) counts.push(count(journals.length, "journal"));
  return counts.join(", ");
}

function isEmpty({ forgotten, versions, journals }: Removal): boolean {
  return forgotten.length === 0 && versions.length === 0 && journals.length === 0;
}
