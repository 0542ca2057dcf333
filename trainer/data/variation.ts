import type { EncodedRecords } from "../../format/encoded-records.ts";

/** Finds the fields that are the same in every record. Such a field tells a model nothing, and is mostly a mistake. */
export class Variation {
  readonly #fields: number;
  /** For each field, the keys and values of its entries in the first record. */
  #first: number[][] | null = null;
  /** The fields in which no record has differed yet. */
  #same: number[];
  #records = 0;

  constructor(fields: number) {
    this.#fields = fields;
    this.#same = Array.from({ length: fields }, (_, f) => f);
  }

  look(encoded: EncodedRecords): void {
    for (let record = 0; record < encoded.count && this.#same.length > 0; record++) {
      this.#records++;
      if (this.#first === null) {
        this.#first = this.#same.map((f) => this.#entries(encoded, record, f));
        continue;
      }
      const first = this.#first;
      const differs = (f: number): boolean => {
        const entries = this.#entries(encoded, record, f);
        return entries.length !== first[f]?.length || entries.some((x, i) => x !== first[f]?.[i]);
      };
      if (this.#same.some(differs)) this.#same = this.#same.filter((f) => !differs(f));
    }
  }

  #entries({ offsets, keys, values }: EncodedRecords, record: number, field: number): number[] {
    const cell = record * this.#fields + field;
    const list: number[] = [];
    for (let entry = offsets[cell]; entry < offsets[cell + 1]; entry++)
      list.push(keys[2 * entry], keys[2 * entry + 1], values[entry]);
    return list;
  }

  /** The fields that never differed; none where there was one record only. */
  get constant(): readonly number[] {
    return this.#records > 1 ? this.#same : [];
  }
}
