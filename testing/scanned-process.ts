import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { TokenScan } from "./tokens.ts";

interface Scanned {
  status: number | null;
  /** What was printed before each token, one entry a token. */
  tokens: string[];
}

interface Streams {
  stdout: Writable;
  stderr: Writable;
}

/** Runs a program to its end, and hands on what it and its children print, in which it looks for tokens. */
export async function runScanned(
  program: string,
  args: readonly string[],
  { cwd, env, ...out }: Streams & { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Scanned> {
  const child = spawn(program, args, { cwd, env, stdio: ["inherit", "pipe", "pipe"] });
  const scans = [handOn(child.stdout, out.stdout), handOn(child.stderr, out.stderr)];
  const [status] = (await once(child, "close")) as [number | null];
  return { status, tokens: scans.flatMap(({ found }) => found) };
}

function handOn(from: Readable, to: Writable): TokenScan {
  const scan = new TokenScan();
  from.on("data", (chunk: Buffer) => {
    scan.add(chunk.toString("latin1"));
    to.write(chunk);
  });
  return scan;
}
