// Starts every benchmark with --help, with an option that none has, and with wrong numbers; prints as JSON how each
// start ended. One process loads what they share once: a process for each start would take minutes.
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT } from "../../trainer/io/project.ts";

export interface Start {
  benchmark: string;
  args: string[];
  /** Null where it went on to measure. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What `process.exit` throws here. */
class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit with ${code}`);
    this.code = code;
  }
}

const BENCH = join(PROJECT, "bench");
/** The modules that give others nothing. What exports a default is a Worker's text. */
const benchmarks = globSync("*.ts", { cwd: BENCH })
  .filter((file) => !/^export (?!default )/m.test(readFileSync(join(BENCH, file), "utf8")))
  .map((file) => basename(file, ".ts"))
  .sort();
const { exit } = process;
const write = { stdout: process.stdout.write, stderr: process.stderr.write };

const starts: Start[] = [];
for (const benchmark of benchmarks) {
  const { stdout } = await start(benchmark, "--help");
  await start(benchmark, "--missing");
  for (const [, option = "", kind] of stdout.matchAll(/^ +(--[\w-]+) <([nx])(?:,…)?>/gm))
    for (const wrong of kind === "n" ? ["abc", "-1", "1.5"] : ["abc", "-1"]) await start(benchmark, option, wrong);
}
process.stdout.write(JSON.stringify(starts));
exit(0);

async function start(benchmark: string, ...args: string[]): Promise<Start> {
  const path = join(BENCH, `${benchmark}.ts`);
  const started: Start = { benchmark, args, code: null, stdout: "", stderr: "" };
  starts.push(started);
  process.argv = [process.execPath, path, ...args];
  process.exit = (code) => {
    throw new Exit(Number(code ?? 0));
  };
  for (const stream of ["stdout", "stderr"] as const)
    process[stream].write = (text: unknown) => {
      started[stream] += text;
      return true;
    };
  try {
    // Under another name each time, since a module is evaluated once.
    await import(`${pathToFileURL(path)}?${starts.length}`);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    started.code = error.code;
  } finally {
    Object.assign(process, { exit });
    process.stdout.write = write.stdout;
    process.stderr.write = write.stderr;
  }
  return started;
}
