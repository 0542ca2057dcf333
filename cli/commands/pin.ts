import type { Command } from "commander";
import { openStore } from "../../deploy/kv/open-store.ts";
import { lockStore } from "../../deploy/kv/store-lock.ts";
import { ModelRegistry } from "../../deploy/registry.ts";
import { readSigningKey } from "../../format/signature.ts";
import { UserError } from "../../trainer/errors.ts";
import { readText } from "./options.ts";
import { presentStoreOf, type StoreFlags, withStore } from "./store-options.ts";

interface PinFlags extends StoreFlags {
  off?: true;
  key?: string;
}

export function definePin(command: Command): void {
  command
    .argument("<name>", "the model")
    .argument("[version]", "the version, or at least 8 of its first digits")
    .option("--off", "let publications move the model's pointer again")
    .option("--key <file>", "private key that signs the way to another version, as a signed one needs");
  withStore(command).action(async (name: string, version: string | undefined, { off, ...flags }: PinFlags) => {
    if ((version === undefined) !== (off === true))
      throw new UserError(`got ${off ? "both" : "neither"} VERSION ${off ? "and" : "nor"} --off, expected one of them`);
    const key = flags.key === undefined ? null : await readSigningKey(readText(flags.key), flags.key);
    const target = presentStoreOf(flags);
    using _lock = await lockStore(target);
    await using store = await openStore(target);
    const registry = new ModelRegistry(store);
    if (version === undefined) {
      console.log(`${name} is no longer pinned; ${await registry.unpin(name)} serves until another is published`);
      return;
    }
    const { from, to } = await registry.pin(name, version, key);
    const instead = from === to ? "" : `, in place of ${from ?? "a pointer that could not be read"}`;
    console.log(`${name} is pinned to ${to}${instead}`);
  });
}
