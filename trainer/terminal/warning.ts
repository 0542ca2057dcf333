import { clearStatus } from "./status-line.ts";

const said = new Set<string>();

/** Prints a warning to stderr. A command says each only once, however many runs of a sweep meet it. */
export function warn(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  clearStatus();
  process.stderr.write(`warning: ${text}\n`);
}

/** Has warnings said again that were said before, as another command of the same process begins. */
export function forgetWarnings(): void {
  said.clear();
}
