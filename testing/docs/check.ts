import { posix } from "node:path";
import { anchorOf, type Document, type Found, readDocument } from "./document.ts";

// What documents say of the repository, held against it. Each check returns one line for each fault: "path:line: what".

/** The repository as documents speak of it. */
export interface Repository {
  /** Whether there is a file or folder; `*` in the path stands for any name. */
  exists(path: string): boolean;
  read(path: string): string;
  scripts: Record<string, string>;
  /** The package's entries, such as "./worker"; `*` stands for any name. */
  exports: readonly string[];
  /** The options of each command of `deepfm-edge`, such as "--out". */
  options: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The longest line of prose. */
const MAX_COLUMNS = 120;
/** Of the README: what fits it is what leads on; the rest is in docs/. */
const MAX_README_LINES = 130;

/** Options of every command. */
const COMMON_OPTIONS = ["--help", "--version"];
/** Commands of npm itself. */
const NPM_COMMANDS = ["ci", "install", "pack", "rebuild"];
/** Scripts that are a file of scripts/programs with options of its own. */
const PROGRAMS = ["attack", "chaos", "fuzz"];
/** First parts of a path that is no place in the repository: what commands write, and types of content. */
const ELSEWHERE = ["runs", "dist", "application", ".wrangler"];

export function check(documents: readonly Document[], repository: Repository): string[] {
  return [
    ...documents.flatMap((document) => [
      ...faults(document, document.links, (text) => linkFault(document, text, repository)),
      ...faults(
        document,
        document.spans,
        (text) => pathFault(document, text, repository) ?? optionFault(text, repository),
      ),
      ...faults(document, document.commands, (text) => commandFault(text, repository)),
      ...faults(document, document.prose, widthFault),
      ...tablesWithoutCommand(document),
    ]),
    ...rowsThatRepeat(documents),
    ...documents
      .filter(({ path, lines }) => path === "README.md" && lines.length - 1 > MAX_README_LINES)
      .map(({ path, lines }) => `${path}: got ${lines.length - 1} lines, expected at most ${MAX_README_LINES}`),
  ];
}

function faults({ path }: Document, found: readonly Found[], faultOf: (text: string) => string | null): string[] {
  return found.flatMap(({ text, line }) => {
    const fault = faultOf(text);
    return fault === null ? [] : [`${path}:${line}: ${fault}`];
  });
}

function linkFault({ path, headings }: Document, target: string, { exists, read }: Repository): string | null {
  if (/^https?:/.test(target)) return null;
  const [file = "", anchor] = target.split("#");
  const place = file === "" ? path : posix.join(posix.dirname(path), file);
  if (file !== "" && !exists(place)) return `links to ${target}, which is not there`;
  if (anchor === undefined || !place.endsWith(".md")) return null;
  const there = file === "" ? headings : readDocument(place, read(place)).headings;
  return there.some(({ text }) => anchorOf(text) === anchor) ? null : `links to ${target}, which has no such heading`;
}

/** A span that reads as a path must be one from the root, or from the document's folder. */
function pathFault({ path }: Document, span: string, { exists, exports }: Repository): string | null {
  if (!/^[\w.@*-]+(\/[\w.*-]+)*\/?$/.test(span)) return null;
  const [first = ""] = span.split("/");
  if (first === "deepfm-edge") {
    const entry = `.${span.slice(first.length)}`;
    return exports.some((pattern) => posix.matchesGlob(entry, pattern)) ? null : `${span} is not exported`;
  }
  if (ELSEWHERE.includes(first) || first.startsWith("@") || first === ".") return null;
  if (!span.includes("/") && !/\.(ts|md|toml)$/.test(span)) return null;
  return exists(span) || exists(posix.join(posix.dirname(path), span)) ? null : `names ${span}, which is not there`;
}

/** A span that begins with an option must name one that some command has. */
function optionFault(span: string, { options }: Repository): string | null {
  const [option = ""] = span.split(" ");
  if (!option.startsWith("--") || COMMON_OPTIONS.includes(option)) return null;
  return [...options.values()].some((names) => names.has(option)) ? null : `${option} is an option of no command`;
}

function commandFault(text: string, repository: Repository): string | null {
  const { exists, scripts, options } = repository;
  const [program, name = "", ...rest] = text.split(/ +/);
  for (const argument of rest) {
    const [first = ""] = argument.split("/");
    // A path in a folder of the repository; what begins elsewhere is the user's.
    if (argument.includes("/") && /^[\w.-]+$/.test(first) && exists(first) && !ELSEWHERE.includes(first)) {
      if (!exists(argument)) return `${text}: ${argument} is not there`;
    }
  }
  if (program === "npx") {
    if (name === "deepfm-edge") return ownCommandFault(rest[0] ?? "", rest.slice(1), text, options);
    return exists(`node_modules/.bin/${name}`) ? null : `${text}: ${name} is no command of the packages`;
  }
  if (NPM_COMMANDS.includes(name)) return null;
  const script = name === "run" ? (rest.shift() ?? "") : name;
  if (!(script in scripts)) return `${text}: there is no script ${script}`;
  if (script === "start") return ownCommandFault("start", rest, text, options);
  if (script !== "bench" && !PROGRAMS.includes(script)) return null;
  const [, ...args] = rest[0] === "--" ? rest : ["--", ...rest];
  const file = script !== "bench" ? `scripts/programs/${script}.ts` : `bench/${args.shift() ?? "NAME"}.ts`;
  if (/[A-Z]/.test(file)) return null; // NAME stands for any
  if (!exists(file)) return `${text}: ${file} is not there`;
  const unknown = args.find((arg) => arg.startsWith("--") && !repository.read(file).includes(arg));
  return unknown === undefined ? null : `${text}: ${file} has no option ${unknown}`;
}

function ownCommandFault(
  name: string,
  args: readonly string[],
  text: string,
  options: Repository["options"],
): string | null {
  if (/^[A-Z]*$/.test(name) || COMMON_OPTIONS.includes(name)) return null;
  // Some commands have two words.
  const own = options.get(name) ?? options.get(`${name} ${args[0]}`);
  if (own === undefined) return `${text}: there is no command ${name}`;
  const flags = args.filter((arg) => /^--./.test(arg) && !COMMON_OPTIONS.includes(arg));
  const unknown = flags.find((flag) => !own.has(flag));
  return unknown === undefined ? null : `${text}: ${name} has no option ${unknown}`;
}

function widthFault(line: string): string | null {
  const { length } = [...line];
  return length <= MAX_COLUMNS ? null : `has ${length} columns, expected at most ${MAX_COLUMNS}`;
}

/** A cell that is a number, with or without a unit. */
const FIGURE = /^[+−]?\d[\d.,]*(e[+-]?\d+)?( ± [\d.,]+)?( ?(%|×|[kKM]i?B))?$/;

/** Whether a row of a table is one of measured figures: two of its cells are. */
function isOfFigures(row: string): boolean {
  return row.split(/[|│]/).filter((cell) => FIGURE.test(cell.trim())).length >= 2;
}

/** A table of figures stands below a command, in its section, that prints it. */
function tablesWithoutCommand({ path, headings, rows, commands }: Document): string[] {
  const sectionOf = (line: number): number => headings.filter((heading) => heading.line <= line).length;
  const withCommand = new Set(commands.map(({ line }) => sectionOf(line)));
  const bare = rows.filter(({ text, line }) => isOfFigures(text) && !withCommand.has(sectionOf(line)));
  return bare.slice(0, 1).map(({ line }) => `${path}:${line}: has a table of figures without its command`);
}

/** A figure stands once. */
function rowsThatRepeat(documents: readonly Document[]): string[] {
  const seen = new Map<string, string>();
  return documents.flatMap(({ path, rows }) =>
    rows.flatMap(({ text, line }) => {
      if (!isOfFigures(text)) return [];
      const key = text.replaceAll(/[\s│|]+/g, " ");
      const before = seen.get(key);
      seen.set(key, before ?? `${path}:${line}`);
      return before === undefined ? [] : [`${path}:${line}: repeats the figures of ${before}`];
    }),
  );
}
