import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { namedValues } from "../../format/named-values.ts";
import { UserError } from "../errors.ts";
import { readJson, writeJson } from "./json-file.ts";

// What a finished command has left is never lost by chance: whoever begins work that ends in a file of a folder claims
// that file first.

/** For each result in a folder, a digest of what was asked for. */
const FILE = "results.json";
const ResultsSchema = namedValues(v.string(), v.string());

export interface Claim {
  /** What the folder would hold, as an error says it: "a finished run". */
  what: string;
  /**
   * All that the result depends on, where asking for the same again may replace it: it is made again from what is kept.
   * Where it is absent, no result is replaced.
   */
  request?: unknown;
  /** Whether the user wants it replaced whatever it is. */
  force?: boolean | undefined;
}

/**
 * Claims a file of a folder for a command that will write it. Throws UserError where a finished command has written it
 * before and it may not be replaced. Returns what the command calls just before the file gets its name: that claims it
 * anew, as another command may have been faster, and keeps the digest. A command that ends before leaves none.
 */
export function claimResult(folder: string, file: string, claim: Claim): () => void {
  const { request } = claim;
  const wanted = request === undefined ? null : digestOf(request);
  checkClaim(folder, file, claim, wanted);
  return () => {
    const results = checkClaim(folder, file, claim, wanted);
    if (wanted !== null && results[file] !== wanted) writeJson(join(folder, FILE), { ...results, [file]: wanted });
  };
}

/** Throws UserError where a claim is not granted. Returns the digests of the folder's results, for one that has its. */
function checkClaim(
  folder: string,
  file: string,
  { what, force = false }: Claim,
  wanted: string | null,
): v.InferOutput<typeof ResultsSchema> {
  const path = join(folder, FILE);
  const results = wanted !== null && existsSync(path) ? readJson(path, ResultsSchema) : {};
  if (force || !existsSync(join(folder, file)) || (wanted !== null && results[file] === wanted)) return results;
  const other = wanted === null ? "" : " of another request";
  throw new UserError(
    `${folder}: got ${what}${other} there (${file}), expected a folder without one; --force replaces it`,
  );
}

function digestOf(request: unknown): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("hex");
}
