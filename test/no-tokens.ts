import { afterAll, afterEach, expect } from "vitest";
import { foundTokens } from "../testing/tokens.ts";
import { watchProcess } from "../testing/watch-process.ts";

// Runs before each file of the tests in Node: nothing that any of them prints, that a process which it starts prints,
// or that a server answers it has a token.

watchProcess();
const check = (): void => expect(foundTokens(), "tokens in what was printed and answered").toEqual([]);
afterEach(check);
// A server that all tests of a file share may print after the last of them.
afterAll(check);
