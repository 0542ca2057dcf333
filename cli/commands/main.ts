import { exitCodeOf, faultText } from "./faults.ts";
import { endWithLauncher } from "./launcher.ts";
import { takeOutputErrors } from "./output.ts";
import { makeProgram } from "./program.ts";

// Runs the program with the arguments of this process.

/** Milliseconds that what has failed to start, such as a server of a library, may keep a process that has failed. */
const END_MS = 2000;

takeOutputErrors();
endWithLauncher();
try {
  const args = process.argv.slice(2);
  const program = await makeProgram(args);
  await program.parseAsync(args, { from: "user" });
} catch (error) {
  console.error(faultText(error));
  process.exitCode = exitCodeOf(error);
  setTimeout(() => process.exit(), END_MS).unref(); // a process that nothing keeps ends before
}
