// A Markdown document as its checks need it: links, code spans, commands and tables, each with its line.

/** Something of a document, and the line that it stands on, from 1. */
export interface Found {
  text: string;
  line: number;
}

export interface Document {
  /** From the root of the repository. */
  path: string;
  lines: string[];
  headings: Found[];
  /** Targets of links, as they are written. */
  links: Found[];
  /** What stands in backticks, outside blocks of code. */
  spans: Found[];
  /**
   * Commands of npm and npx, from blocks of code and from spans, without comments and with their continuation lines.
   */
  commands: Found[];
  /** Rows of tables, in Markdown or drawn with lines. */
  rows: Found[];
  /** Lines of prose: no table, no code. */
  prose: Found[];
}

const COMMAND = /^(?:npm|npx) /;

export function readDocument(path: string, text: string): Document {
  const lines = text.split("\n");
  const document: Document = { path, lines, headings: [], links: [], spans: [], commands: [], rows: [], prose: [] };
  let fenced = false;
  let blank = true;
  let indented = false;
  lines.forEach((line, i) => {
    const found = (text: string): Found => ({ text, line: i + 1 });
    const fence = line.startsWith("```");
    if (fence) fenced = !fenced;
    indented = !fenced && /^ {4}/.test(line) && (blank || indented);
    blank = line.trim() === "";
    if (fence || blank) return;
    if (/^[|│]/.test(line)) document.rows.push(found(line));
    if (fenced || indented) {
      const command = continued(lines, i);
      if (COMMAND.test(command)) document.commands.push(found(command));
      return;
    }
    const heading = /^#+ (.*)/.exec(line)?.[1];
    if (heading !== undefined) document.headings.push(found(heading));
    for (const [, target = ""] of line.matchAll(/\]\(([^)\s]+)\)/g)) document.links.push(found(target));
    for (const [, span = ""] of line.matchAll(/`([^`]+)`/g)) {
      document.spans.push(found(span));
      if (COMMAND.test(span)) document.commands.push(found(span));
    }
    if (!line.startsWith("|")) document.prose.push(found(line));
  });
  return document;
}

/** A command with its continuation lines, without what follows a `#`. */
function continued(lines: readonly string[], first: number): string {
  let text = "";
  for (let i = first; i < lines.length; i++) {
    const line = (lines[i] ?? "").trim().replace(/ +# .*$/, "");
    if (!line.endsWith("\\")) return text + line;
    text += line.slice(0, -1);
  }
  return text;
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}
