import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { readJson, writeJson } from "../io/json-file.ts";
import { type FieldProfile, FieldProfileSchema } from "./field-profile.ts";

// The profile of a run's fields in its folder.

const FILE = "profile.json";
const ProfileSchema = v.object({ fields: v.array(FieldProfileSchema) });

/** Writes the profile into a run folder. Throws UserError where the system refuses to. */
export function saveProfile(folder: string, fields: readonly FieldProfile[]): void {
  writeJson(join(folder, FILE), { fields });
}

/** The profile of a run; null for a run of an earlier version. Throws FormatError where the file is damaged. */
export function loadProfile(folder: string): FieldProfile[] | null {
  const path = join(folder, FILE);
  return existsSync(path) ? readJson(path, ProfileSchema).fields : null;
}
