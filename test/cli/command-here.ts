// A command of the program in the process of the tests, which a test may not kill. It costs what the command does; a
// process of its own would first load the program, for a second.
import { exitCodeOf, faultText } from "../../cli/commands/faults.ts";
import { makeProgram } from "../../cli/commands/program.ts";
import { inspect } from "../../testing/tokens.ts";

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Both, in the order in which they were printed. */
  out: string;
}

/** What the program throws where it would end its process. */
class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit with ${code}`);
    this.code = code;
  }
}

/** Runs a command to its end, in a folder, as `cli/commands/main.ts` does. One at a time, as it moves the process. */
export async function runHere(cwd: string, args: readonly string[]): Promise<Ended> {
  const before = process.cwd();
  const printed = { stdout: "", stderr: "", out: "" };
  const restore = [captureStream("stdout"), captureStream("stderr"), captureConsole(), captureExit()];
  try {
    process.chdir(cwd);
    return { code: await exitCode(args), ...printed };
  } finally {
    process.chdir(before);
    for (const undo of restore) undo();
    inspect(printed.out);
  }

  function print(stream: "stdout" | "stderr", text: string): true {
    printed[stream] += text;
    printed.out += text;
    return true;
  }

  function captureStream(name: "stdout" | "stderr"): () => void {
    const stream = process[name];
    const { write } = stream;
    stream.write = (chunk: unknown) => print(name, String(chunk));
    return () => {
      stream.write = write;
    };
  }

  /** vitest's console writes to none of the streams. */
  function captureConsole(): () => void {
    const { log, info, warn, error } = console;
    const line =
      (name: "stdout" | "stderr") =>
      (text: unknown = "") =>
        void print(name, `${text}\n`);
    Object.assign(console, { log: line("stdout"), info: line("stdout"), warn: line("stderr"), error: line("stderr") });
    return () => void Object.assign(console, { log, info, warn, error });
  }

  /** Whether commander ends the process, after a help or for an unknown option, or the command sets an exit code. */
  async function exitCode(words: readonly string[]): Promise<number> {
    try {
      const program = await makeProgram(words);
      await program.parseAsync(words, { from: "user" });
      return Number(process.exitCode ?? 0);
    } catch (error) {
      if (error instanceof Exit) return error.code;
      print("stderr", `${faultText(error)}\n`);
      return exitCodeOf(error);
    }
  }

  function captureExit(): () => void {
    const { exit, exitCode: code } = process;
    process.exit = (status) => {
      throw new Exit(Number(status ?? 0));
    };
    return () => {
      process.exit = exit;
      process.exitCode = code;
    };
  }
}
