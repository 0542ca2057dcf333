import { pointerOf } from "../format/json-pointer.ts";
import type { Model, Problem, RankRequest, ScoreRequest } from "./api.ts";
import { type Candidate, CandidateTable, type Listing } from "./candidate-table.ts";
import { type Column, catalogueColumn, columnsOf, partOf, type RawRecord, sideOf, valueIn } from "./columns.ts";
import { byId, markWrong } from "./dom.ts";
import { RecordForm } from "./record-form.ts";

export type Mode = "score" | "rank" | "explain";

/** Candidates that the form begins with, if there are so many examples. */
const FIRST_CANDIDATES = 5;

/** What is asked: a record, or a context and its candidates. */
export class RequestForm {
  readonly #record = new RecordForm(byId("record", HTMLElement));
  readonly #tables: Record<Listing, CandidateTable>;
  readonly #listing = byId("listing", HTMLSelectElement);
  readonly #ranking = byId("ranking", HTMLFieldSetElement);
  readonly #objective = byId("objective", HTMLSelectElement);
  readonly #k = byId("k", HTMLInputElement);
  #columns: Column[] = [];
  #examples: readonly RawRecord[] = [];
  #shown = -1;
  #mode: Mode = "score";

  /** `changed` is told of what is changed otherwise than by an input event. */
  constructor(changed: () => void) {
    this.#tables = {
      candidates: new CandidateTable("candidates", byId("candidates", HTMLElement), changed),
      items: new CandidateTable("items", byId("items", HTMLElement), changed),
    };
    byId("add", HTMLButtonElement).addEventListener("click", () => this.#table.add().focus());
    this.#listing.addEventListener("change", () => this.#showTable());
    this.#objective.addEventListener("change", () => this.#showBids());
  }

  /** Builds the inputs of a model, with the first example in them. */
  build(model: Model): void {
    this.#columns = columnsOf(model);
    this.#examples = model.examples?.length ? model.examples : [model.example];
    this.#shown = -1;
    this.#record.build(this.#columns, this.#examples);
    const own = this.#columns.filter(({ side }) => side === "item");
    const first = this.#firstOf(own);
    // A second one is there to be filled in.
    this.#tables.candidates.build(null, own, first.length > 1 ? first : [...first, {}]);
    const id = catalogueColumn(model, this.#columns);
    byId("listings", HTMLElement).hidden = id === null;
    this.#listing.value = "candidates";
    this.#tables.items.build(
      id,
      [],
      id ? this.#firstOf([id]).filter((item) => valueIn(item, id.name) !== undefined) : [],
    );
    this.#showTable();
    this.#showBids();
    this.nextExample();
    this.mode = this.#mode;
  }

  set mode(mode: Mode) {
    this.#mode = mode;
    this.#record.hasItem = mode !== "rank";
    this.#ranking.hidden = mode !== "rank";
    this.judge(null);
  }

  nextExample(): void {
    this.#shown = (this.#shown + 1) % this.#examples.length;
    this.#record.write(this.#examples[this.#shown] ?? {});
  }

  clear(): void {
    this.#record.write({});
  }

  /** The body of the request, without the model. */
  body(): ScoreRequest | RankRequest {
    const record = this.#record.read();
    if (this.#mode !== "rank") return { records: [record], unseen: true };
    const candidates = this.#table.read();
    return {
      context: sideOf(record, this.#columns, "context"),
      ...(this.#isByIds
        ? // An id that is missing goes as an empty text, so that the Worker says so.
          { items: candidates.map(({ id }) => (id ?? "") as string | number) }
        : {
            candidates: candidates.map((candidate) => candidate.record),
            ids: candidates.map(({ id }) => String(id ?? "")),
          }),
      ...(this.#objective.value === "ecpm" && this.#auction(candidates)),
      ...(this.#k.value.trim() !== "" && { k: numberOr(this.#k.value) }),
      unseen: true,
    };
  }

  /**
   * Shows at the inputs what is wrong with them; null: nothing is. Returns the errors that belong to no input. `unseen`
   * has names of fields whose value was never seen.
   */
  judge(problem: Problem | null, unseen: readonly string[] = []): NonNullable<Problem["errors"]> {
    const errors = problem?.errors ?? [];
    const byPointer = new Map(errors.map(({ pointer, detail }) => [pointer, detail]));
    const place = this.#mode === "rank" ? ["context"] : ["records", "0"];
    const pointerTo = (column: string): string => pointerOf([...place, column]);
    const wrong = new Map<string, string>();
    for (const { name } of this.#columns) {
      const detail = byPointer.get(pointerTo(name));
      if (detail !== undefined) wrong.set(name, detail);
    }
    const shown = new Set(this.#record.judge(wrong, new Set(unseen)).map(pointerTo));
    for (const table of Object.values(this.#tables))
      for (const pointer of table.judge(table === this.#table ? byPointer : new Map())) shown.add(pointer);
    markWrong(this.#k, byId("k-wrong", HTMLElement), byPointer.get("/k"));
    if (byPointer.has("/k")) shown.add("/k");
    return errors.filter(({ pointer }) => !shown.has(pointer));
  }

  /** Moves the focus to the first input that is wrong, if there is one. */
  focusWrong(): void {
    const inputs = byId("request", HTMLFormElement).querySelectorAll<HTMLElement>("[aria-invalid]");
    [...inputs].find((input) => input.offsetParent !== null)?.focus();
  }

  get #isByIds(): boolean {
    return this.#listing.value === "items";
  }

  /** That of the candidates, as they are named now. */
  get #table(): CandidateTable {
    return this.#tables[this.#isByIds ? "items" : "candidates"];
  }

  #showTable(): void {
    for (const table of Object.values(this.#tables)) table.hidden = table !== this.#table;
  }

  /** What the first examples have in some columns, without repetition. */
  #firstOf(columns: readonly Column[]): RawRecord[] {
    const parts = this.#examples.map((record) => partOf(record, columns));
    const different = [...new Map(parts.map((part) => [JSON.stringify(part), part])).values()];
    return different.slice(0, FIRST_CANDIDATES);
  }

  #auction(candidates: readonly Candidate[]): Pick<RankRequest, "objective" | "bids"> {
    // A bid that is no number goes as it is, so that the Worker says what is wrong with it.
    return { objective: "ecpm", bids: candidates.map(({ bid }) => (bid ?? null) as number) };
  }

  #showBids(): void {
    this.#ranking.classList.toggle("has-bids", this.#objective.value === "ecpm");
  }
}

function numberOr(text: string): number {
  const number = Number(text);
  return Number.isFinite(number) ? number : (text as unknown as number);
}
