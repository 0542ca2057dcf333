import { UserError } from "../trainer/errors.ts";
import { say, startTask } from "../trainer/terminal/progress.ts";
import { costText, dollarsOf, type UploadCost } from "./cost.ts";
import { openStore, type StoreTarget } from "./kv/open-store.ts";
import { lockStore } from "./kv/store-lock.ts";
import { Publication, type Published, type UploadOptions } from "./publication.ts";
import type { ReleaseOptions } from "./release.ts";
import type { UploadedModel } from "./uploaded-model.ts";

/** Seconds that KV may remember that a key is absent, and take until a write is seen everywhere. */
const SETTLE_SECONDS = 60;

/** Dollars above which an upload into an account is asked about. */
const ASKED_ABOVE = 1;

export interface PublishOptions extends ReleaseOptions, Pick<UploadOptions, "repair" | "settle"> {
  /** Asked whether to go on where an upload costs more than a dollar. Default: the upload is refused then. */
  confirm?: (question: string) => Promise<boolean>;
}

/**
 * Publishes a model: uploads its blob and those of its pages that are not there yet, in batches, and then, when all of
 * them are stored, writes the history and the pointer. A publication that fails on the way leaves the version before
 * it serving, and the next one goes on where it stopped. Throws as `Publication.run` does, and UserError where the
 * upload costs more than a dollar and nobody agrees to it.
 */
export async function publish(
  model: UploadedModel,
  target: StoreTarget,
  { repair = false, settle, confirm, ...release }: PublishOptions = {},
): Promise<Published> {
  using _lock = await lockStore(target);
  using task = startTask("publish", model.pages.length + 1, "key");
  await using store = await openStore(target, (why, seconds) => task.advance(0, `${why}; again in ${seconds} s`));
  const isRemote = "remote" in target && target.remote;
  const publication = new Publication(store, {
    ...{ repair, settle: settle ?? (isRemote ? SETTLE_SECONDS : 0) },
    ...(isRemote && { approve: (cost) => approve(cost, confirm) }),
    advance: (values, note) => task.advance(values, note),
    say,
  });
  const published = await publication.run(model, release);
  const { present, repaired, pinnedTo } = published;
  task.done(`${present} already there${repaired > 0 ? `, ${repaired} were damaged and are written again` : ""}`);
  if (pinnedTo !== null && release.switches !== false) {
    const still = release.deadline === undefined ? "" : " with the deadline that it had";
    say(`${release.model ?? model.model} is pinned to ${pinnedTo}, which goes on serving${still}`);
  }
  return published;
}

/** Says what an upload costs, and asks where that is more than a dollar. Throws UserError where the answer is no. */
export async function approve(cost: UploadCost, confirm?: PublishOptions["confirm"]): Promise<void> {
  say(`publish: ${costText(cost)}`);
  const { once, monthly } = dollarsOf(cost);
  if (once + monthly <= ASKED_ABOVE) return;
  const question = `The upload costs about $${(once + monthly).toFixed(2)} in the first month. Go on?`;
  if (confirm && (await confirm(question))) return;
  throw new UserError(`got an upload that ${costText(cost)}; expected --yes to agree to more than $${ASKED_ABOVE}`);
}
