import type { Command } from "commander";
import { openStore } from "../../deploy/kv/open-store.ts";
import { lockStore } from "../../deploy/kv/store-lock.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { readSigningKey } from "../../format/signature.ts";
import { readText } from "./options.ts";
import { presentStoreOf, type StoreFlags, withStore } from "./store-options.ts";

interface RollbackFlags extends StoreFlags {
  key?: string;
}

export function defineRollback(command: Command): void {
  command
    .argument("<name>", "the model")
    .argument("[version]", "the version, or at least 8 of its first digits (default: the one that served before)");
  command.option("--key <file>", "private key that signs the way back, as a signed version needs");
  withStore(command).action(async (name: string, version: string | undefined, flags: RollbackFlags) => {
    const key = flags.key === undefined ? null : await readSigningKey(readText(flags.key), flags.key);
    const target = presentStoreOf(flags);
    using _lock = await lockStore(target);
    await using store = await openStore(target);
    const { from, to, pinned } = await new ModelRegistry(store).rollback(name, version ?? null, key);
    const still = pinned ? "; it is pinned there now" : "";
    console.log(`${name}@${to} serves, in place of ${from ?? "a pointer that could not be read"}${still}`);
  });
}
