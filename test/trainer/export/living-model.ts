// A model whose rows change from one export to the next: values come, go and change, and get more or less frequent.
import type { ResolvedSpec } from "../../../format/spec.ts";
import { rowKeyOf } from "../../../testing/format/hash-key.ts";
import { integer } from "../../../testing/format/random.ts";
import type { Dataset } from "../../../trainer/data/dataset.ts";
import { Random } from "../../../trainer/data/random.ts";
import { Vocabulary } from "../../../trainer/data/vocabulary.ts";
import type { Learner } from "../../../trainer/model/learner.ts";
import type { TrainedModel } from "../../../trainer/model/trained-model.ts";
import { fittedOf, randomDataset, randomLearner, tinySpec } from "../tiny.ts";

const DIM = 6;
/** Bytes of a row of type int8 with its key. */
export const ROW_BYTES = 24;

interface LivingRow {
  field: number;
  text: string;
  count: number;
  /** w, v₁ … v_D */
  values: Float32Array;
}

export class LivingModel {
  readonly rows: LivingRow[] = [];
  readonly #random: () => number;
  readonly #spec: ResolvedSpec;
  #born = 0;

  /** `stores`: where each field's rows travel, `auto` if it is empty. */
  constructor(
    random: () => number,
    perField: number,
    rows: Partial<ResolvedSpec["rows"]> = {},
    stores: readonly ("auto" | "blob" | "kv")[] = [],
  ) {
    const base = tinySpec({ type: "FM", embeddingDim: DIM });
    this.#random = random;
    const fields = base.fields.map((field, f) => ({ ...field, store: stores[f] ?? "auto" }));
    this.#spec = {
      ...base,
      fields,
      rows: { blobBytes: 20 * ROW_BYTES, pageBytes: 1024, deltaBytes: 50 * ROW_BYTES, itemBytes: 0, ...rows },
    };
    for (let i = 0; i < perField * base.fields.length; i++) this.add();
  }

  /** Adds a row for a value that there was never before. */
  add(): void {
    const field = this.#born % this.#spec.fields.length;
    this.rows.push({ field, text: `v${this.#born++}`, count: 0, values: new Float32Array(DIM + 1) });
    this.change(this.rows.length - 1);
    this.recount(this.rows.length - 1);
  }

  /** Gives a row other values. */
  change(i: number): void {
    this.rows[i].values = Float32Array.from({ length: DIM + 1 }, () => this.#random() - 0.5);
  }

  recount(i: number): void {
    this.rows[i].count = integer(this.#random, 1, 1000);
  }

  /** Changes, adds, removes and recounts so many rows at random. */
  live({ changed = 0, born = 0, gone = 0, recounted = 0 }): void {
    const any = (): number => integer(this.#random, 0, this.rows.length - 1);
    for (let i = 0; i < gone; i++) this.rows.splice(any(), 1);
    for (let i = 0; i < born; i++) this.add();
    for (let i = 0; i < changed; i++) this.change(any());
    for (let i = 0; i < recounted; i++) this.recount(any());
  }

  /** The model as a training leaves it, with its rows in an order of their own, and a calibration set. */
  trained(rows: Partial<ResolvedSpec["rows"]> = {}): TrainedModel & { learner: Learner; dataset: Dataset } {
    const spec = { ...this.#spec, rows: { ...this.#spec.rows, ...rows } };
    const fields = spec.fields.length;
    const order = this.rows.map((row) => ({ row, place: this.#random() })).sort((a, b) => a.place - b.place);
    const size = fields + order.length;
    const [keys, fieldOf, counts] = [new Uint32Array(2 * size), new Uint16Array(size), new Uint32Array(size)];
    for (let f = 0; f < fields; f++) fieldOf[f] = f;
    order.forEach(({ row: { field, text, count } }, i) => {
      const { lo, hi } = rowKeyOf(spec.fields[field].name, text);
      keys.set([lo, hi], 2 * (fields + i));
      [fieldOf[fields + i], counts[fields + i]] = [field, count];
    });
    const vocabulary = new Vocabulary(fields, keys, fieldOf, counts);
    const learner = randomLearner(spec, vocabulary, new Random(1));
    const values = learner.tables.values.slice();
    order.forEach(({ row }, i) => {
      values.set(row.values, (fields + i) * (DIM + 1));
    });
    learner.tables.replace(values);
    const { dataset } = randomDataset(20, fields, size, new Random(2));
    return { spec, fitted: fittedOf(spec), vocabulary, learner, dataset };
  }

  /** Records of values that are there, were there, or never were. */
  records(count: number): object[] {
    const value = (field: number): string => {
      const there = this.rows.filter((row) => row.field === field);
      return this.#random() < 0.7 && there.length > 0
        ? there[integer(this.#random, 0, there.length - 1)].text
        : `v${field + this.#spec.fields.length * integer(this.#random, 0, this.#born / this.#spec.fields.length + 10)}`;
    };
    return Array.from({ length: count }, () => ({ user: value(0), item: value(1), tags: [value(2), value(2)] }));
  }
}
