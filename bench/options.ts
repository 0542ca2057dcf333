// The options of the benchmarks: those of `parseArgs`, with `--help`, and with one line where they are wrong.
import { readFileSync } from "node:fs";
import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from "node:util";

/**
 * What the command line says, as `parseArgs` of node:util has it. With `--help` the process prints the head of the
 * script that was started, which says what it measures and what its options are, and ends. Where an option is unknown
 * or has no value, it prints one line that names the options and ends with exit code 2.
 */
export function benchOptions<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  const { options = {} } = config;
  const help = { help: { type: "boolean", short: "h" } } as const;
  try {
    const parsed = parseArgs({ ...config, options: { ...options, ...help } });
    if ("help" in parsed.values) end(0, () => console.log(headOf(process.argv[1] ?? "")));
    return parsed as ReturnType<typeof parseArgs<T>>;
  } catch (error) {
    if (!isParseArgsError(error)) throw error;
    // Node's first sentence says what was got; others are about arguments that begin with a dash.
    const [got] = error.message.split(/\.(?:\s|$)/);
    return end(2, () => console.error(`error: ${got}; expected ${optionsText(options, config.allowPositionals)}`));
  }
}

/** The comment that a script begins with. */
function headOf(path: string): string {
  const lines = readFileSync(path, "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^\/\/ ?/, ""))
    .join("\n");
}

function optionsText(options: ParseArgsOptionsConfig, allowPositionals = false): string {
  const names = Object.entries(options).map(([name, { type }]) => `--${name}${type === "string" ? " <value>" : ""}`);
  return `${allowPositionals ? "paths, or " : ""}${[...names, "--help"].join(", ")}`;
}

function isParseArgsError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}

function end(code: number, print: () => void): never {
  print();
  process.exit(code);
}
