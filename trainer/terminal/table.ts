import Table from "cli-table3";

type Cell = string | number;

/** A plain table, all columns but the first flush right; readable in a terminal, in a log and in a README. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  text.push(...rows.map((row) => row.map((cell) => (typeof cell === "string" ? printable(cell) : cell))));
  return text.toString();
}

/** What would steer a terminal, or turn the order of what it shows: a visitor may have sent it. Lines stay lines. */
const STEERING = /(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** A text as a terminal may have it, with \u001b in the place of what would steer it. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function bytesText(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}
