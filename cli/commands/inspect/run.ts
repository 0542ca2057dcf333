import { existsSync } from "node:fs";
import { join } from "node:path";
import { FormatError } from "../../../format/errors.ts";
import { UserError } from "../../../trainer/errors.ts";
import { EXPORT_FILE } from "../../../trainer/export/export.ts";
import { toJson } from "../../../trainer/io/files.ts";
import { noSuchFile } from "../../../trainer/io/system-fault.ts";
import { PROFILE_HEAD, profileRows, profileWarnings, UNSEEN_NOTE } from "../../../trainer/profile/profile-table.ts";
import { loadProfile } from "../../../trainer/profile/saved-profile.ts";
import { table } from "../../../trainer/terminal/table.ts";

/** Whether `train` saved a folder, or else `export` wrote it. Throws FormatError where it is neither. */
export function kindOfFolder(path: string): "run" | "export" {
  if (existsSync(join(path, "model.safetensors"))) return "run";
  if (existsSync(join(path, EXPORT_FILE))) return "export";
  throw noSuchFile(join(path, EXPORT_FILE), "expected the folder that `train` or `export` wrote");
}

/** Prints what the log of a run held in each field. */
export function inspectRun(
  path: string,
  { key, json }: { key?: string | undefined; json?: boolean | undefined },
): void {
  if (key !== undefined) throw new UserError("--key verifies a blob's signature, and a run has none");
  const fields = loadProfile(path);
  if (fields === null)
    throw new FormatError(
      path,
      "got a run without profile.json, as earlier versions saved them, expected one: train again",
    );
  if (json) return void process.stdout.write(toJson({ fields }));
  console.log(table(PROFILE_HEAD, profileRows(fields)));
  console.log(UNSEEN_NOTE);
  for (const warning of profileWarnings(fields)) console.log(`warning: ${warning}`);
  const exported = join(path, "export");
  if (existsSync(exported)) console.log(`${exported}: the export, which inspect shows, too`);
}
