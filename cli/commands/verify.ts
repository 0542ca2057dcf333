import type { Command } from "commander";
import { openStore } from "../../deploy/kv/open-store.ts";
import { verifyVersion } from "../../deploy/verify.ts";
import { counted } from "../../format/counted.ts";
import { UserError } from "../../trainer/errors.ts";
import { startTask } from "../../trainer/terminal/progress.ts";
import { type PackedFlags, packedStore, presentStoreOf, withStore } from "./store-options.ts";

/** Faults that are printed; the number of all is said too. */
const SHOWN = 50;

export function defineVerify(command: Command): void {
  command
    .argument("<name>", "the model")
    .argument("[version]", "the version, or at least 8 of its first digits (default: the one that serves)");
  withStore(command)
    .option("--packed", "with --folder: the file of all pages, which a Worker reads from R2, must be there too")
    .action(async (name: string, wanted: string | undefined, flags: PackedFlags) => {
      await using store = await openStore(packedStore(presentStoreOf(flags), flags));
      using task = startTask("verify", null, "value");
      const { version, values, faults } = await verifyVersion(store, name, wanted ?? null, (n) => task.advance(n));
      task.done();
      for (const fault of faults.slice(0, SHOWN)) console.log(fault);
      if (faults.length > SHOWN) console.log(`… and ${faults.length - SHOWN} more`);
      if (faults.length > 0)
        throw new UserError(
          `${name}@${version}: got ${counted(faults.length, "fault")} in ${counted(values, "value")}, expected none; ` +
            "`publish --repair --no-switch` of its export writes them again (with --packed, the file of all pages too)",
        );
      console.log(`${name}@${version} is whole: ${counted(values, "value")}`);
    });
}
