/** Columns of a terminal that does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

/** Characters of the line on the screen; 0 where there is none. */
let shown = 0;
/** Columns of the terminal when it was written. */
let columnsThen = 0;

/** Whether stderr is a terminal that can replace a line. One that calls itself dumb would show what replaces it. */
export function hasStatus(): boolean {
  return process.stderr.isTTY === true && process.env.TERM !== "dumb";
}

/**
 * Shows a line at the bottom of the terminal, in the place of the one before. A line that is wider than the terminal is
 * cut. The cursor stays visible, and no terminal setting outlasts the call, so that a process may die at any time.
 */
export function showStatus(text: string): void {
  const columns = process.stderr.columns || DEFAULT_COLUMNS;
  // The last column stays free: a terminal wraps a line that fills it as soon as it becomes narrower.
  const line = [...text.replace(/\p{Cc}/gu, " ")].slice(0, columns - 1).join("");
  // Wrapping is off while the line is written, as some characters are two columns wide.
  process.stderr.write(`${erase(columns)}\x1b[?7l${line}\x1b[?7h`);
  if (shown === 0) {
    process.on("exit", clearStatus);
    process.on("uncaughtExceptionMonitor", clearStatus);
  }
  [shown, columnsThen] = [Math.max(line.length, 1), columns];
}

/** Takes the line off the terminal. Whatever else is printed there comes after this. */
export function clearStatus(): void {
  if (shown === 0) return;
  process.stderr.write(erase(process.stderr.columns || DEFAULT_COLUMNS));
  shown = 0;
  process.removeListener("exit", clearStatus);
  process.removeListener("uncaughtExceptionMonitor", clearStatus);
}

/** What erases the line on the screen. A terminal that became narrower has wrapped it into several rows. */
function erase(columns: number): string {
  const rowsAbove = shown > 0 && columns < columnsThen ? Math.ceil(shown / columns) - 1 : 0;
  return `${rowsAbove > 0 ? `\x1b[${rowsAbove}A` : ""}\r\x1b[J`;
}
