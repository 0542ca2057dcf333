import { forgetWarnings } from "../trainer/terminal/warning.ts";

// Runs before each file of the tests in Node, whose process was another file's before: warnings are said again.

forgetWarnings();
