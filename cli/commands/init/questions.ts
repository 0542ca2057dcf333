import { isCancel, multiselect, select } from "@clack/prompts";
import type { Column } from "../../../lab/init/column.ts";
import { type LabelChoice, labelCandidates } from "../../../lab/init/label.ts";
import type { Answers, Plan, SplitDraft } from "../../../lab/init/plan.ts";
import { Cancelled } from "../faults.ts";

// What init asks in a terminal. Questions go to stderr, as progress does.

const output = process.stderr;

/** The column that is the label. */
export async function askLabel(columns: readonly Column[], guess: LabelChoice | null): Promise<string> {
  const candidates = labelCandidates(columns);
  const options = candidates.map(({ column, reason }) => ({ value: column.name, label: column.name, hint: reason }));
  const initialValue = guess?.column.name ?? options[0]?.value ?? "";
  return answered(await select({ message: "Which column is the label?", options, initialValue, output }));
}

/** Which columns differ from candidate to candidate, and how the log is divided. */
export async function askSidesAndSplit(plan: Plan): Promise<Answers> {
  const fields = plan.columns.filter(({ fields }) => fields.length > 0);
  const options = fields.map(({ column, chosen }) => ({ value: column.name, label: column.name, hint: chosen }));
  const items = answered(
    await multiselect({
      message: "Which columns say something of the item, so that they differ from candidate to candidate?",
      options,
      initialValues: fields.filter((column) => column.fields[0]?.side === "item").map(({ column }) => column.name),
      required: false,
      output,
    }),
  );
  const splits = splitOptions(plan);
  const split = answered(
    await select({
      message: "How shall the log be divided into training, validation and test?",
      options: splits.map(({ label }, i) => ({ value: i, label })),
      initialValue: 0,
      output,
    }),
  );
  return { items, split: splits[split]?.split ?? plan.split.split };
}

/** The split that is guessed, and the others that there could be. */
function splitOptions({ columns, split: { split: guess } }: Plan): { label: string; split: SplitDraft }[] {
  const named = columns.filter(({ use }) => use === "fields" || use === "split").map(({ column }) => column);
  const times = named.filter(({ reading }) => reading.kind === "time").map(({ name }) => name);
  const ids = named.filter(({ reading, values, of }) => reading.kind === "text" && values.length < of.length);
  const all: SplitDraft[] = [
    guess,
    ...times.map((by): SplitDraft => ({ kind: "time", by })),
    { kind: "random" },
    ...ids.map(({ name: by }): SplitDraft => ({ kind: "hash", by })),
  ];
  const different = new Map(all.map((split) => [JSON.stringify(split), split]));
  return [...different.values()].map((split) => ({ label: splitText(split), split }));
}

function splitText(split: SplitDraft): string {
  if (split.kind === "random") return "each record at random";
  return split.kind === "time"
    ? `the last records by ${split.by} are held out`
    : `all records of one ${split.by} together`;
}

function answered<Answer>(answer: Answer): Exclude<Answer, symbol> {
  if (isCancel(answer)) throw new Cancelled("init was stopped; nothing was written");
  return answer as Exclude<Answer, symbol>;
}
