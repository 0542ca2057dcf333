import { afterEach, expect } from "vitest";

// Runs before each file of the Worker's tests: nothing that any of them logs or is answered has a token.

/** Any token: its prefix, and as much of it as is never there by chance. */
const TOKEN = /dfe_[\w-]{20}/;

const found: string[] = [];

/** Remembers a text that has a token. The test that it is of fails. */
export function inspect(text: string): void {
  const token = TOKEN.exec(text);
  if (token) found.push(text.slice(Math.max(0, token.index - 100), token.index + 30));
}

/** What was found until now, which no test fails for. */
export function foundTokens(): string[] {
  return found.splice(0);
}

for (const method of ["log", "info", "warn", "error", "debug"] as const) {
  const write = console[method].bind(console);
  console[method] = (...values: unknown[]) => {
    for (const value of values) inspect(value instanceof Error ? (value.stack ?? value.message) : String(value));
    write(...values);
  };
}

afterEach(() => expect(foundTokens(), "tokens in logs and answers").toEqual([]));
