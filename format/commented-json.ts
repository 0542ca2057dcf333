import stripJsonComments from "strip-json-comments";
import { FormatError } from "./errors.ts";
import { placeIn } from "./json-problem.ts";
import { parseWrittenJson } from "./written-json.ts";

const STRING = /"(?:[^"\\]|\\.)*"/gs;

/**
 * Parses JSON as people write it: with comments, of two slashes or between a slash and a star, and with a comma after
 * the last element or member. Throws FormatError as `parseWrittenJson` does, with the place in this very text.
 */
export function parseCommentedJson(text: string, source: string): unknown {
  // Blanks take the place of what is stripped, so that the places of the rest stay.
  const json = stripJsonComments(text, { trailingCommas: true });
  const unclosed = json.replace(STRING, ({ length }) => " ".repeat(length)).indexOf("/*");
  if (unclosed >= 0)
    throw new FormatError(source, `not JSON: got a comment at ${placeIn(text, unclosed)} that no */ ends`);
  return parseWrittenJson(json, source);
}
