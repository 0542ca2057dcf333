// The log has one JSON object a line, so that a log drain can filter by `event` and `level`.

export function logInfo(event: string, details: Record<string, unknown>): void {
  console.log(JSON.stringify({ level: "info", event, ...details }));
}

export function logWarning(event: string, message: string): void {
  console.warn(JSON.stringify({ level: "warning", event, message }));
}

export function logError(event: string, error: unknown, details: Record<string, unknown> = {}): void {
  console.error(JSON.stringify({ level: "error", event, error: errorText(error), ...details }));
}

/** An error and its causes, as one line. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `; because ${errorText(error.cause)}`;
  return `${error.name}: ${error.message}${cause}`;
}
