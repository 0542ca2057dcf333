import { WRANGLER_CONFIG } from "../wrangler.ts";
import { findAccountNamespace } from "./account.ts";
import { AccountKv } from "./account-kv.ts";
import { FolderStore } from "./folder-store.ts";
import type { KvStore } from "./kv-store.ts";
import { openLocalKv } from "./local-kv.ts";

/**
 * The account's KV namespace, or the local one of `wrangler dev`, in the folder `persistTo` or else beside the
 * configuration. `config`: wrangler's configuration that binds the namespace as MODELS; this project's if it is absent.
 * `environment`: the one of the configuration's environments that binds it.
 */
export type StoreTarget =
  | ({ config?: string; environment?: string } & ({ remote: true } | { remote: false; persistTo?: string }))
  | FolderTarget;

/** A folder in place of KV (folder-store.ts). */
export interface FolderTarget {
  folder: string;
  packed?: boolean;
}

/** The configuration of wrangler that names a store. */
export function configOf({ config = WRANGLER_CONFIG }: { config?: string }): string {
  return config;
}

/** Opens a store. `onRetry` is told before a request is sent again. Throws UserError where it cannot be opened. */
export async function openStore(
  target: StoreTarget,
  onRetry: (why: string, seconds: number) => void = () => {},
): Promise<KvStore> {
  if ("folder" in target) return new FolderStore(target.folder, target.packed ?? false);
  const config = configOf(target);
  if (!target.remote) return openLocalKv(config, target.persistTo, target.environment);
  const namespace = await findAccountNamespace(config, target.environment);
  namespace.api.onRetry = onRetry;
  return new AccountKv(namespace);
}
