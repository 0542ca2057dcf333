import type { Model, Problem, RankRequest, ScoreRequest } from "./api.ts";
import { type Candidate, CandidateTable, escapePointer } from "./candidate-table.ts";
import { type Column, columnsOf, type RawRecord, sideOf } from "./columns.ts";
import { byId, markWrong } from "./dom.ts";
import { RecordForm } from "./record-form.ts";

export type Mode = "score" | "rank" | "explain";

/** Candidates that the form begins with, if there are so many examples. */
const FIRST_CANDIDATES = 5;

/** What is asked: a record, or a context and its candidates. */
export class RequestForm {
  readonly #record = new RecordForm(byId("record", HTMLElement));
  readonly #candidates: CandidateTable;
  readonly #ranking = byId("ranking", HTMLFieldSetElement);
  readonly #objective = byId("objective", HTMLSelectElement);
  readonly #k = byId("k", HTMLInputElement);
  #columns: Column[] = [];
  #examples: readonly RawRecord[] = [];
  #shown = -1;
  #mode: Mode = "score";

  /** `changed` is told of what is changed otherwise than by an input event. */
  constructor(changed: () => void) {
    this.#candidates = new CandidateTable(byId("candidates", HTMLElement), changed);
    byId("add", HTMLButtonElement).addEventListener("click", () => this.#candidates.add().focus());
    this.#objective.addEventListener("change", () => this.#showBids());
  }

  /** Builds the inputs of a model, with the first example in them. */
  build(model: Model): void {
    this.#columns = columnsOf(model);
    this.#examples = model.examples?.length ? model.examples : [model.example];
    this.#shown = -1;
    this.#record.build(this.#columns, this.#examples);
    const items = this.#examples.map((record) => sideOf(record, this.#columns, "item"));
    const different = [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
    const first = different.slice(0, FIRST_CANDIDATES);
    this.#candidates.build(this.#columns, first.length > 1 ? first : [...first, {}]);
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
    const candidates = this.#candidates.read();
    return {
      context: sideOf(record, this.#columns, "context"),
      candidates: candidates.map((candidate) => candidate.record),
      ids: candidates.map(({ id }) => id),
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
    const place = this.#mode === "rank" ? "/context" : "/records/0";
    const pointerOf = (column: string): string => `${place}/${escapePointer(column)}`;
    const wrong = new Map<string, string>();
    for (const { name } of this.#columns) {
      const detail = byPointer.get(pointerOf(name));
      if (detail !== undefined) wrong.set(name, detail);
    }
    const shown = new Set(this.#record.judge(wrong, new Set(unseen)).map(pointerOf));
    for (const pointer of this.#candidates.judge(byPointer)) shown.add(pointer);
    markWrong(this.#k, byId("k-wrong", HTMLElement), byPointer.get("/k"));
    if (byPointer.has("/k")) shown.add("/k");
    return errors.filter(({ pointer }) => !shown.has(pointer));
  }

  /** Moves the focus to the first input that is wrong, if there is one. */
  focusWrong(): void {
    const inputs = byId("request", HTMLFormElement).querySelectorAll<HTMLElement>("[aria-invalid]");
    [...inputs].find((input) => input.offsetParent !== null)?.focus();
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
