import * as v from "valibot";

/**
 * A model as requests and policies name it, as text: `ads`, or `ads@` and a whole version. A part of a version is none:
 * what it names would differ with what an isolate happens to know.
 */
export const ReferenceSchema = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9][a-z0-9._-]{0,63}(@[0-9a-f]{64})?$/,
    "expected a model's name, or name@version with the version's 64 lower-case hex digits",
  ),
);
