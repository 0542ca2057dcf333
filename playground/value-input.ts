import type { Column, RawValue } from "./columns.ts";
import { element, markWrong } from "./dom.ts";
import { readValue, textOf } from "./raw-text.ts";

/** An input for a column's value, with a place for what is said of it. The caller puts both, and a label, in place. */
export class ValueInput {
  readonly input: HTMLInputElement;
  /** What the Worker says is wrong with the value. */
  readonly message: HTMLElement;
  readonly #kind: Column["kind"];
  /** The value that was set, and its text: a value that nobody has edited goes as it came. */
  #set: { value: RawValue | undefined; text: string } = { value: undefined, text: "" };

  /** `attributes` are the input's: an id, or a name of its own. */
  constructor({ kind }: Pick<Column, "kind">, id: string, attributes: Record<string, string | undefined> = {}) {
    this.#kind = kind;
    this.message = element("p", { id: `${id}-wrong`, class: "wrong", hidden: true });
    this.input = element("input", {
      ...{ id, type: "text", dir: "auto", autocomplete: "off", autocapitalize: "off", spellcheck: "false" },
      ...(kind === "number" && { inputmode: "decimal" }),
      ...attributes,
      "aria-describedby": [attributes["aria-describedby"], `${id}-wrong`].filter(Boolean).join(" "),
    });
  }

  get value(): RawValue | undefined {
    const { value, text } = this.#set;
    return this.input.value === text ? value : readValue(this.input.value, this.#kind);
  }

  set value(value: RawValue | undefined) {
    this.input.value = textOf(value);
    // An input drops the line ends of a text.
    this.#set = { value: value ?? undefined, text: this.input.value };
  }

  set problem(problem: string | undefined) {
    markWrong(this.input, this.message, problem);
  }
}
