import { afterEach, expect } from "vitest";
import { foundTokens, watchConsole } from "../../testing/tokens.ts";

// Runs before each file of the Worker's tests: nothing that any of them logs or is answered has a token.

watchConsole();
afterEach(() => expect(foundTokens(), "tokens in logs and answers").toEqual([]));
