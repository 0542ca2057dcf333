/** A command, a flag or a setting is wrong: the user can mend it, and the message says how. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** Training went to numbers that are not finite: settings that suit the log better would not. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}
