import { type Column, type RawRecord, valueIn } from "./columns.ts";
import { element } from "./dom.ts";
import { textOf } from "./raw-text.ts";
import { ValueInput } from "./value-input.ts";

const LEGENDS = { context: "Context", item: "Item" };

/** A record's columns as labeled inputs, in a fieldset for each side. */
export class RecordForm {
  readonly #place: HTMLElement;
  #fields = new Map<string, { input: ValueInput; unseen: HTMLElement }>();
  #sides = new Map<Column["side"], HTMLElement>();

  constructor(place: HTMLElement) {
    this.#place = place;
  }

  /** Builds the inputs. `examples`: records whose values are suggested. */
  build(columns: readonly Column[], examples: readonly RawRecord[]): void {
    this.#fields = new Map();
    this.#sides = new Map();
    for (const side of ["context", "item"] as const) {
      const own = columns.filter((column) => column.side === side);
      if (own.length === 0) continue;
      const fields = own.map((column) => this.#field(column, `${side}-${own.indexOf(column)}`, examples));
      this.#sides.set(
        side,
        element("fieldset", {}, element("legend", {}, LEGENDS[side]), element("div", { class: "fields" }, ...fields)),
      );
    }
    this.#place.replaceChildren(...this.#sides.values());
  }

  /** Shows or hides the inputs of the item. */
  set hasItem(shown: boolean) {
    const item = this.#sides.get("item");
    if (item) item.hidden = !shown;
  }

  /** The columns that have a value. */
  read(): RawRecord {
    const entries = [...this.#fields].map(([name, { input }]) => [name, input.value] as const);
    return Object.fromEntries(entries.filter((entry) => entry[1] !== undefined)) as RawRecord;
  }

  write(record: RawRecord): void {
    for (const [name, { input }] of this.#fields) input.value = valueIn(record, name);
    this.judge(new Map(), new Set());
  }

  /** Says at each column what is wrong with it, and whether it is never seen. Returns the columns that are wrong. */
  judge(problems: ReadonlyMap<string, string>, unseen: ReadonlySet<string>): string[] {
    for (const [name, field] of this.#fields) {
      field.input.problem = problems.get(name);
      field.unseen.hidden = !unseen.has(name);
    }
    return [...this.#fields.keys()].filter((name) => problems.has(name));
  }

  #field(column: Column, id: string, examples: readonly RawRecord[]): HTMLElement {
    const texts = [...new Set(examples.map((record) => textOf(valueIn(record, column.name))))].filter(
      (text) => text !== "",
    );
    const described = `${id}-hint ${id}-unseen`;
    const list = texts.length > 1 ? `${id}-list` : undefined;
    const input = new ValueInput(column, id, { "aria-describedby": described, list });
    const unseen = element(
      "p",
      { id: `${id}-unseen`, class: "unseen", hidden: true },
      "Not seen in training, or too seldom",
    );
    this.#fields.set(column.name, { input, unseen });
    return element(
      "div",
      { class: "field" },
      element("label", { for: id }, column.name),
      element("span", { id: `${id}-hint`, class: "hint" }, column.hint),
      input.input,
      list ? element("datalist", { id: list }, ...texts.map((value) => element("option", { value }))) : null,
      unseen,
      input.message,
    );
  }
}
