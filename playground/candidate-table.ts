import { pointerOf } from "../format/json-pointer.ts";
import { type Column, type RawRecord, type RawValue, valueIn } from "./columns.ts";
import { element, scrolling } from "./dom.ts";
import { ValueInput } from "./value-input.ts";

interface Row {
  element: HTMLTableRowElement;
  id: ValueInput;
  bid: ValueInput;
  cells: Map<string, ValueInput>;
}

/** What a row says: the lists of a ranking are made of these. */
export interface Candidate {
  id: RawValue | undefined;
  bid: unknown;
  record: RawRecord;
}

/** What a ranking names its candidates by: their columns, or the ids by which a catalogue knows them. */
export type Listing = "candidates" | "items";

const TEXTS = {
  candidates: { title: "Candidates", one: "candidate", ids: "/ids" },
  items: { title: "Items of the catalogue", one: "item", ids: "/items" },
};

/** The candidates of a ranking: a row for each, which may be added and removed. */
export class CandidateTable {
  readonly #listing: Listing;
  readonly #place: HTMLElement;
  readonly #changed: () => void;
  #id: Omit<Column, "side"> = { name: "id", kind: "text", hint: "" };
  #columns: readonly Column[] = [];
  #rows: Row[] = [];
  #body = element("tbody");
  #made = 0;

  /** `changed` is told of each row that is added or removed. */
  constructor(listing: Listing, place: HTMLElement, changed: () => void) {
    this.#listing = listing;
    this.#place = place;
    this.#changed = changed;
  }

  set hidden(hidden: boolean) {
    this.#place.hidden = hidden;
  }

  /** Builds a row for each record, with these columns. `id`: the column of a record that has its id; null: none has. */
  build(id: Column | null, columns: readonly Column[], records: readonly RawRecord[]): void {
    this.#id = id ?? { name: "id", kind: "text", hint: "" };
    this.#columns = columns;
    this.#rows = [];
    this.#made = 0;
    this.#body = element("tbody");
    const head = (name: string, hint: string, kind = ""): HTMLElement =>
      element("th", { scope: "col", class: kind }, name, hint ? element("span", { class: "hint" }, hint) : null);
    const heads = [
      ...[this.#id, ...this.#columns].map(({ name, hint }) => head(name, hint)),
      head("bid", "of a click", "bid"),
      element("th", { scope: "col" }, element("span", { class: "only-read" }, "Remove")),
    ];
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.#body);
    this.#place.replaceChildren(scrolling(TEXTS[this.#listing].title, table));
    for (const record of records) this.add(record);
  }

  /** Adds a row, and returns its first input. */
  add(record: RawRecord = {}): HTMLInputElement {
    const { one } = TEXTS[this.#listing];
    const number = ++this.#made;
    const input = (kind: Column["kind"], name: string, at: string): ValueInput =>
      new ValueInput({ kind }, `${one}-${number}-${at}`, { "aria-label": `${name} of ${one} ${number}` });
    const id = input(this.#id.kind, this.#id.name, "id");
    id.value = this.#listing === "items" ? valueIn(record, this.#id.name) : `item-${number}`;
    const bid = input("number", "bid", "bid");
    bid.value = 1;
    const cells = new Map(this.#columns.map(({ name, kind }, i) => [name, input(kind, name, String(i))] as const));
    for (const [name, cell] of cells) cell.value = valueIn(record, name);
    const remove = element("button", { type: "button", class: "quiet", "aria-label": `Remove ${one} ${number}` }, "✕");
    const cellOf = (one: ValueInput, name = ""): HTMLElement => element("td", { class: name }, one.input, one.message);
    const row: Row = {
      element: element(
        "tr",
        {},
        cellOf(id, "id"),
        ...[...cells.values()].map((cell) => cellOf(cell)),
        cellOf(bid, "bid"),
        element("td", {}, remove),
      ),
      ...{ id, bid, cells },
    };
    remove.addEventListener("click", () => this.#remove(row));
    this.#rows.push(row);
    this.#body.append(row.element);
    this.#changed();
    return [...cells.values()][0]?.input ?? id.input;
  }

  read(): Candidate[] {
    return this.#rows.map(({ id, bid, cells }) => {
      const entries = [...cells].map(([name, cell]) => [name, cell.value] as const);
      const record = Object.fromEntries(entries.filter((entry) => entry[1] !== undefined)) as RawRecord;
      return { id: id.value, bid: bid.value, record };
    });
  }

  /**
   * Says at each input what is wrong with it: `problems` has the text by the pointers of a ranking's body. Returns the
   * pointers that are shown.
   */
  judge(problems: ReadonlyMap<string, string>): string[] {
    const shown: string[] = [];
    const judge = (input: ValueInput, pointer: string): void => {
      input.problem = problems.get(pointer);
      if (problems.has(pointer)) shown.push(pointer);
    };
    for (const [i, { id, bid, cells }] of this.#rows.entries()) {
      judge(id, `${TEXTS[this.#listing].ids}/${i}`);
      judge(bid, `/bids/${i}`);
      for (const [name, cell] of cells) judge(cell, pointerOf(["candidates", String(i), name]));
    }
    return shown;
  }

  /** The focus goes to the row that takes the place, so that several can be removed from the keyboard. */
  #remove(row: Row): void {
    const at = this.#rows.indexOf(row);
    this.#rows.splice(at, 1);
    row.element.remove();
    const next = this.#rows[Math.min(at, this.#rows.length - 1)];
    (next?.element.querySelector("button") ?? document.getElementById("add"))?.focus();
    this.#changed();
  }
}
