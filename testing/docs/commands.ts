import type { Argument, Command, Option } from "commander";

// docs/commands.md: every command with its arguments and options, from the program itself.

const INTRODUCTION = `# Commands

Every command of \`deepfm-edge\`, with its arguments and options. \`npm run docs\` writes this page from the program, and
\`--help\` on each command prints the same. In a checkout a command is \`npx deepfm-edge COMMAND\`, and \`npm start --\` is
the command \`start\`. [Training](training.md), [export](export.md) and [serving](serving.md) tell how they are used.
`;

/** The whole page. */
export function commandsPage({ commands }: Command): string {
  const list = commands.map((command) => [`[\`${command.name()}\`](#${command.name()})`, command.description()]);
  return [INTRODUCTION, ...table(["command", "what it does"], list), ...commands.map(sectionOf)].join("\n");
}

function sectionOf(command: Command): string {
  const lines = [`## ${command.name()}`, "", wrapped(command.description()), "", `    ${usageOf(command)}`, ""];
  const { registeredArguments: places, options } = command;
  if (places.length > 0) lines.push(...table(["argument", "meaning"], places.map(argumentRow)));
  if (options.length > 0) lines.push(...table(["option", "meaning", "default"], options.map(optionRow)));
  return lines.join("\n");
}

function usageOf(command: Command): string {
  const words = command.usage().replace("[options] ", "").replace("[options]", "").trim();
  const needed = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags);
  const rest = command.options.length > needed.length ? ["[options]"] : [];
  return ["npx deepfm-edge", command.name(), words, ...needed, ...rest].filter((word) => word !== "").join(" ");
}

function argumentRow(argument: Argument): string[] {
  const name = argument.required ? `<${argument.name()}` : `[${argument.name()}`;
  const end = `${argument.variadic ? "..." : ""}${argument.required ? ">" : "]"}`;
  return [`\`${name}${end}\``, `${argument.description}${choices(argument.argChoices)}`];
}

function optionRow(option: Option): string[] {
  const variable = option.envVar === undefined ? "" : `; or the variable \`${option.envVar}\``;
  const value = option.defaultValueDescription ?? option.defaultValue;
  const byDefault = value === undefined || option.negate ? "" : `\`${String(value)}\``;
  const text = `${option.description}${choices(option.argChoices)}${variable}`;
  return [`\`${option.flags}\``, text, option.mandatory ? "must be there" : byDefault];
}

function choices(list: readonly string[] | undefined): string {
  return list ? `: ${list.map((choice) => `\`${choice}\``).join(", ")}` : "";
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""];
}

/** The longest line of prose. */
const COLUMNS = 120;

function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}
