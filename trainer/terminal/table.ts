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
  text.push(...rows.map((row) => [...row]));
  return text.toString();
}

export function bytesText(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}
