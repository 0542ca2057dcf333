import { forgetBackend } from "../trainer/engine/backend.ts";
import { forgetWarnings } from "../trainer/terminal/warning.ts";

// Runs before each file of the tests in Node, whose process was another file's before: warnings are said again, and
// what computes on any backend does so on the fastest. On `cpu`, of another file's tests, an export takes a minute.

forgetWarnings();
forgetBackend();
