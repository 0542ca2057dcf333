import { FormatError } from "../../format/errors.ts";
import { UserError } from "../errors.ts";

/** An error in a form that a message between threads keeps. */
export type ThreadFault =
  | { kind: "format"; place: string; problem: string }
  | { kind: "user" | "defect"; message: string };

export function faultOf(error: unknown): ThreadFault {
  if (error instanceof FormatError) return { kind: "format", place: error.place, problem: error.problem };
  if (error instanceof UserError) return { kind: "user", message: error.message };
  return { kind: "defect", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The error that a thread has met; `thread` names it where the fault is the program's. */
export function errorOf(fault: ThreadFault, thread: string): Error {
  if (fault.kind === "format") return new FormatError(fault.place, fault.problem);
  if (fault.kind === "user") return new UserError(fault.message);
  return new Error(`${thread} failed: ${fault.message}`);
}
