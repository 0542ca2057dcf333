import { FormatError } from "../../format/errors.ts";
import { parseJson } from "../../format/parse.ts";
import { BodyError } from "./errors.ts";

/** Parses JSON of a body, or of a part of it. Throws BodyError where it is none. */
export function parseBodyJson(text: string): unknown {
  try {
    return parseJson(text, "body");
  } catch (error) {
    if (error instanceof FormatError) throw new BodyError("not-json", `the body is ${error.problem}`);
    throw error;
  }
}
