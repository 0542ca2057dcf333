// Whether a text has a token that it must not have: a log line, an error, an answer, a metric, what a command prints.
// Every token of a test is made by `generateToken`, also where it plays another's, so that one pattern knows them all.

/** Any token: its prefix, and as much of it as is never there by chance. */
const TOKEN = /dfe_[\w-]{20,}/g;
/** One less than the shortest text that the pattern knows. */
const KEPT = "dfe_".length + 19;
/** What is shown before a token, so that its place can be found. */
const CONTEXT = 100;

const found: string[] = [];

/** What comes before each token of a text; of the token itself nothing but its prefix. */
function tokensIn(text: string): string[] {
  if (!text.includes("dfe_")) return [];
  const before = Array.from(text.matchAll(TOKEN), ({ index }) => text.slice(Math.max(0, index - CONTEXT), index));
  return before.map((context) => `${context.replaceAll(TOKEN, "dfe_…")}dfe_…`);
}

/** Remembers each token of a text. The test that it is of fails. */
export function inspect(text: string): void {
  found.push(...tokensIn(text));
}

/** Remembers what a scan found. */
export function remember(contexts: readonly string[]): void {
  found.push(...contexts);
}

/** What was found until now, which no test fails for. */
export function foundTokens(): string[] {
  return found.splice(0);
}

/** Looks for tokens in a text that comes in pieces, also for those that are in two of them. */
export class TokenScan {
  readonly found: string[] = [];
  #rest = "";

  add(piece: string): void {
    const text = this.#rest + piece;
    this.found.push(...tokensIn(text));
    // The end of a token that was found has no prefix, and so is not found again.
    this.#rest = text.slice(-KEPT);
  }
}

const watched = new WeakSet<object>();

/** Inspects what is logged from here on. A console that is watched already is left as it is. */
export function watchConsole(): void {
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    const write = console[method];
    if (watched.has(write)) continue;
    const watching = (...values: unknown[]): void => {
      for (const value of values) inspect(value instanceof Error ? (value.stack ?? value.message) : String(value));
      write.apply(console, values);
    };
    watched.add(watching);
    console[method] = watching;
  }
}
