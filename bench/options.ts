// The options of the benchmarks, by commander. Each value is checked before anything is measured: one that is wrong
// ends the process with one line and exit code 2. `--help` prints the head of the script that was started, which says
// what it measures, and below it the options.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { Command, Option } from "commander";

/** An option whose value is a T. */
export interface BenchOption<T> {
  description: string;
  /** Reads a value, and throws commander's InvalidArgumentError where it is wrong; null for a switch. */
  parse: ((text: string) => T) | null;
  /** Its value where it is not given. */
  fallback: T | undefined;
  isRequired: boolean;
}

/**
 * What options are called: such as "--quick", "--rounds <n>" or, for one that takes several values, "--test <path...>".
 * `n` stands for an integer, `x` for any number, and `n,…` for a list of integers.
 */
type Flags = `--${string}`;

/** The values by commander's names: that of "--item-mib <n>" is itemMib. */
type Values<Options> = {
  [F in keyof Options as NameOf<F>]: Options[F] extends BenchOption<infer T>
    ? F extends `${string}...>`
      ? T[]
      : T
    : never;
};
type NameOf<F> = F extends `--${infer Name} ${string}`
  ? Camel<Name>
  : F extends `--${infer Name}`
    ? Camel<Name>
    : never;
type Camel<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name;

/** An option that has a value wherever it is not given. */
export function option<T>(description: string, parse: (text: string) => T, fallback: NoInfer<T>): BenchOption<T> {
  return { description, parse, fallback, isRequired: false };
}

/** An option that has no value where it is not given. */
export function optional<T>(description: string, parse: (text: string) => T): BenchOption<T | undefined> {
  return { description, parse, fallback: undefined, isRequired: false };
}

/** An option that must be given. */
export function required<T>(description: string, parse: (text: string) => T): BenchOption<T> {
  return { description, parse, fallback: undefined, isRequired: true };
}

/** An option without a value: whether it is given. */
export function flag(description: string): BenchOption<boolean> {
  return { description, parse: null, fallback: false, isRequired: false };
}

/** The values of a benchmark's options in the command line. */
export function benchOptions<Options extends Record<Flags, BenchOption<unknown>>>(options: Options): Values<Options> {
  const script = process.argv[1] ?? "";
  const command = new Command(`npm run bench -- ${basename(script, ".ts")}`)
    .addHelpText("before", `${headOf(script)}\n`)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  for (const [flags, { description, parse, fallback, isRequired }] of Object.entries(options)) {
    const own = new Option(flags, description).makeOptionMandatory(isRequired);
    if (parse === null) command.setOptionValue(own.attributeName(), fallback);
    else {
      if (own.variadic) own.argParser<unknown[] | undefined>((text, before = []) => [...before, parse(text)]);
      else own.argParser(parse);
      own.default(fallback, Array.isArray(fallback) ? fallback.join(",") : undefined);
    }
    command.addOption(own);
  }
  return command.parse().opts<Values<Options>>();
}

/** Ends the process where values that are right by themselves do not go together. */
export function refuse(message: string): never {
  console.error(`error: ${message}`);
  process.exit(2);
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
