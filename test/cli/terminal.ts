// A command of the program in a pseudo-terminal, as `script` of util-linux makes one: every Linux has it.
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why there is no pseudo-terminal here; null where there is one. BSD's `script` takes other options. */
export const NO_TERMINAL =
  process.platform === "linux" && spawnSync("script", ["--version"]).status === 0 ? null : "no `script` of util-linux";

export const CTRL_C = "\x03";

export interface TerminalEnd {
  /** As a shell gives it: 128 + the number of the signal that ended the command. */
  code: number | null;
  /** All that was printed, with its escape sequences. */
  printed: string;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

export class Terminal implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "deepfm-edge-terminal-"));
  readonly #script: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown[]>;
  #printed = "";

  /** Starts a program in a terminal of so many columns. `shell`: what follows the program on the shell's line. */
  constructor(cwd: string, columns: number, program: readonly string[], shell = "") {
    const words = program.map(quoted).join(" ");
    // The shell's process becomes the program's, unless the line has more to do.
    const run = shell === "" ? `exec ${words}` : `${words} ${shell}`;
    const notes = `tty > ${this.#folder}/tty; echo $$ > ${this.#folder}/pid`;
    const line = `stty cols ${columns} rows 24; ${notes}; ${run}`;
    const args = ["-qefc", `sh -c ${quoted(line)}`, "/dev/null"];
    this.#script = spawn("script", args, { cwd, env: { ...process.env, TERM: "xterm" } });
    this.#script.stdin.on("error", () => {}); // what is pressed when the command has ended
    this.#script.stdout.on("data", (text) => {
      this.#printed += text;
    });
    this.#closed = once(this.#script, "close");
  }

  /** Waits until the screen has shown something, or what was printed is as `what` says. */
  async shows(what: RegExp | ((printed: string) => boolean)): Promise<void> {
    const isThere = typeof what === "function" ? what : (printed: string) => what.test(printed);
    while (!isThere(this.#printed)) {
      if (this.#script.exitCode !== null) throw new Error(`ended without ${what}:\n${this.#printed}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  press(keys: string): void {
    this.#script.stdin.write(keys);
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(Number(readFileSync(join(this.#folder, "pid"), "utf8")), signal);
  }

  resize(columns: number): void {
    execFileSync("stty", ["-F", readFileSync(join(this.#folder, "tty"), "utf8").trim(), "cols", String(columns)]);
  }

  async end(): Promise<TerminalEnd> {
    const [code] = await this.#closed;
    return { code: Number(code), printed: this.#printed };
  }

  [Symbol.dispose](): void {
    this.#script.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true });
  }
}

/**
 * The lines that a terminal shows after what was printed, wrapped at its columns. It knows the escape sequences that
 * the program writes, and throws where it meets another.
 */
export function screen(printed: string, columns: number): string[] {
  const lines: string[] = [""];
  let [row, column, wraps] = [0, 0, true];
  for (const [token, , parameters = "", final] of printed.matchAll(/\p{Cc}(\[([?\d;]*)([A-Za-z]))?|./gu)) {
    if (token === "\r") column = 0;
    else if (token === "\n") row++;
    else if (!token.startsWith("\x1b")) {
      if (column === columns && wraps) [row, column] = [row + 1, 0];
      const cells = [...(lines[row] ?? "").padEnd(column)];
      cells[Math.min(column, columns - 1)] = token;
      lines[row] = cells.join("");
      column = Math.min(column + 1, columns);
    } else if (final === "J") {
      lines[row] = [...(lines[row] ?? "")].slice(0, column).join("");
      lines.length = row + 1;
    } else if (final === "A") row -= Number(parameters || 1);
    else if (parameters === "?7") wraps = final === "h";
    else if (final !== "m") throw new Error(`an unknown escape sequence: ${JSON.stringify(token)}`);
    for (let r = lines.length; r <= row; r++) lines[r] = "";
  }
  return lines;
}
