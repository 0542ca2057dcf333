import { reset } from "cloudflare:test";
import { afterEach, expect, vi } from "vitest";

// Runs before each file of the Worker's tests, which share one workerd: a file finds its modules and Workers KV as in a
// new isolate, and nothing that any of its tests logs or is answered has a token.

vi.resetModules();
await reset();
// Loaded anew too, since it is where the modules of the file say what they found.
const { foundTokens, watchConsole } = await import("../../testing/tokens.ts");

watchConsole();
afterEach(() => expect(foundTokens(), "tokens in logs and answers").toEqual([]));
