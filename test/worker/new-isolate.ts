import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, vi } from "vitest";

// Runs before each file of the Worker's tests, which share one workerd: a file finds its modules and Workers KV as in a
// new isolate, and nothing that any of its tests logs or is answered has a token.

vi.resetModules();
await reset();
// What the file before had published was once read after a reset; keys that are deleted are gone.
for (let { keys } = await env.MODELS.list(); keys.length > 0; { keys } = await env.MODELS.list())
  await Promise.all(keys.map(({ name }) => env.MODELS.delete(name)));
// Loaded anew too, since it is where the modules of the file say what they found.
const { foundTokens, watchConsole } = await import("../../testing/tokens.ts");

watchConsole();
afterEach(() => expect(foundTokens(), "tokens in logs and answers").toEqual([]));
