import { FormatError, show } from "./errors.ts";

/** Characters of an attribute that conditions see. One that has more, with all that is in it, counts as absent. */
export const MAX_ATTRIBUTE = 1024;

/** In a regular expression: escapes, classes and what opens groups, which are no choices; and then what is one. */
const TOKENS = /\\.|\[(?:\\.|[^\]\\])*\]|\(\?|(\)?)(?:([*+]|\{\d+,\d*\})\??|\{\d+\}\??|([?|]))/gs;

/**
 * Ways in which V8, which tries them one after another, might match a regular expression with an attribute, at most. Of
 * a repetition there are as many as the text has characters, but for one of a group, of which there is no bound: (a+)+$
 * takes years with 64 letters. Throws FormatError where a value is no regular expression.
 */
export function matchingSteps(pattern: unknown, source: string): number {
  if (!isPattern(pattern)) throw new FormatError(source, `got ${show(pattern)}, expected a regular expression`);
  // It may begin anywhere, unless it says that it does not.
  let steps = /^\^[^|]*$/.test(pattern) ? 1 : MAX_ATTRIBUTE;
  // Whatever comes last, where anything may: V8 need not come back to it.
  for (const [, group, repetition, choice] of pattern.replace(/(?<!\\)\.[*+]\??$/, "").matchAll(TOKENS)) {
    if (choice) steps *= 2;
    else if (group) steps = Number.POSITIVE_INFINITY;
    else if (repetition) steps *= MAX_ATTRIBUTE;
  }
  return steps;
}

function isPattern(value: unknown): value is string {
  try {
    return typeof value === "string" && new RegExp(value) instanceof RegExp;
  } catch {
    return false;
  }
}
