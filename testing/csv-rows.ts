/**
 * The rows of a CSV text (RFC 4180), as a client that holds the log reads them: for each record its cells by their
 * columns' names, every cell as the text that it is.
 */
export function csvRows(text: string, delimiter = ","): Record<string, string>[] {
  const [header = [], ...records] = recordsOf(text.replace(/^\ufeff/, ""), delimiter);
  return records.map((cells) => Object.fromEntries(cells.map((cell, i) => [header[i] ?? "", cell])));
}

function recordsOf(text: string, delimiter: string): string[][] {
  const records: string[][] = [];
  let cells: string[] = [];
  for (let at = 0; at < text.length; ) {
    let cell = "";
    if (text[at] === '"') {
      let end = at + 1;
      while (text[end] !== '"' || text[end + 1] === '"') end += text[end] === '"' ? 2 : 1;
      cell = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    } else {
      let end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== "\n" && text[end] !== "\r") end++;
      cell = text.slice(at, end);
      at = end;
    }
    cells.push(cell);
    if (text[at] === delimiter) {
      at++;
      if (at < text.length) continue;
      cells.push("");
    }
    if (text[at] === "\r") at++;
    at++;
    records.push(cells);
    cells = [];
  }
  return records;
}
