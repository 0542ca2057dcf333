import { withoutTokens } from "../../format/tokens.ts";
import type { WorkerVersion } from "../worker-version.ts";

// The log has one JSON object a line, so that a log drain can filter by `event` and `level`. Each says which version of
// the Worker wrote it, once the isolate has read its settings, which is before anything is logged.

let about: { worker?: string; workerTag?: string } = {};

/** Says which version of the Worker this isolate runs. It is the same for all requests of an isolate. */
export function logAs({ id, tag }: WorkerVersion): void {
  about = { worker: id, ...(tag !== "" && { workerTag: tag }) };
}

export function logInfo(event: string, details: Record<string, unknown>): void {
  console.log(lineOf("info", event, details));
}

export function logWarning(event: string, message: string): void {
  console.warn(lineOf("warning", event, { message }));
}

export function logError(event: string, error: unknown, details: Record<string, unknown> = {}): void {
  console.error(lineOf("error", event, { error: errorText(error), ...details }));
}

function lineOf(level: string, event: string, details: Record<string, unknown>): string {
  return withoutTokens(JSON.stringify({ level, event, ...about, ...details }));
}

/** An error and its causes, as one line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `; because ${errorText(error.cause)}`;
  return `${error.name}: ${error.message}${cause}`;
}
