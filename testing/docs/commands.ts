import type { Argument, Command, Option } from "commander";

// docs/commands.md: every command with its arguments and options, from the program itself.

const INTRODUCTION = `# Commands

Every command of \`deepfm-edge\`, with its arguments and options. \`npm run docs\` writes this page from the program, and
\`--help\` on each command prints the same. In a checkout a command is \`npx deepfm-edge COMMAND\`, and \`npm start --\` is
the command \`start\`. [Training](training.md), [export](export.md) and [serving](serving.md) tell how they are used.
`;

/** The whole page. */
export function commandsPage(program: Command): string {
  const commands = runnableCommands(program);
  const list = [...commands].map(([name, command]) => {
    return [`[\`${name}\`](#${name.replaceAll(" ", "-")})`, command.description()];
  });
  const sections = [...commands].map(([name, command]) => sectionOf(name, command));
  return [INTRODUCTION, ...table(["command", "what it does"], list), ...sections].join("\n");
}

/** The commands that do something, by their names: of one with commands of its own, such as `experiment`, those. */
export function runnableCommands({ commands }: Command): Map<string, Command> {
  return new Map(
    commands.flatMap((command): [string, Command][] => {
      const inner = [...runnableCommands(command)];
      if (inner.length === 0) return [[command.name(), command]];
      return inner.map(([name, own]) => [`${command.name()} ${name}`, own]);
    }),
  );
}

function sectionOf(name: string, command: Command): string {
  const lines = [`## ${name}`, "", wrapped(command.description()), "", `    ${usageOf(name, command)}`, ""];
  const { registeredArguments: places, options } = command;
  if (places.length > 0) lines.push(...table(["argument", "meaning"], places.map(argumentRow)));
  if (options.length > 0) lines.push(...table(["option", "meaning", "default"], options.map(optionRow)));
  return lines.join("\n");
}

function usageOf(name: string, command: Command): string {
  const words = command.usage().replace("[options] ", "").replace("[options]", "").trim();
  const needed = command.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags);
  const rest = command.options.length > needed.length ? ["[options]"] : [];
  return ["npx deepfm-edge", name, words, ...needed, ...rest].filter((word) => word !== "").join(" ");
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
