import { FolderLock } from "../../trainer/io/folder-lock.ts";
import { say } from "../../trainer/terminal/progress.ts";
import { checkFolder, localState } from "../local-bindings.ts";
import { readWranglerConfig } from "../wrangler-config.ts";
import { checkStoreFolder } from "./folder-store.ts";
import { configOf, type StoreTarget } from "./open-store.ts";

// What a publisher, a rollback or a pruning writes follows from what it has read. Where two of them did so at once, the
// later one would write over what the earlier one has noted, or delete what it counts on.

/** Milliseconds that a command waits for another one: a million rows take two minutes into the local KV. */
const MOST_WAIT_MS = 600_000;

/**
 * The right to be the only one on this machine who changes a store, until it is disposed of. It is taken before the
 * store is opened: two processes cannot write into the local KV at the same time. An account's KV knows no locks.
 * Throws UserError where another process has it for more than `waitMs`, or nothing may be written there.
 */
export async function lockStore(target: StoreTarget, waitMs = MOST_WAIT_MS): Promise<Disposable> {
  const folder = await folderOf(target);
  if (folder === null) return { [Symbol.dispose]() {} };
  return FolderLock.waitFor(folder, waitMs, () =>
    say(`${folder}: another process is writing there, which is waited for`),
  );
}

/** The folder of a store of this machine, where it is one that can be written; null: the store is in an account. */
async function folderOf(target: StoreTarget): Promise<string | null> {
  if ("folder" in target) {
    checkStoreFolder(target.folder);
    return target.folder;
  }
  if (target.remote) return null;
  const config = configOf(target);
  const folder = target.persistTo ?? localState(config);
  checkFolder(folder);
  await readWranglerConfig(config, target.environment); // where it cannot be read, no folder is made
  return folder;
}
