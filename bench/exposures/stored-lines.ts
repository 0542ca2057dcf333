import { parseExposure } from "../../format/exposure.ts";

/** The lines of an experiment that were read from R2. */
export class StoredLines {
  readonly #experiment: string;
  readonly #keys = new Set<string>();
  readonly #ids = new Map<string, Set<string>>();
  readonly #lines = new Map<string, number>();
  bytes = 0;

  constructor(experiment: string) {
    this.#experiment = experiment;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Adds the lines of an object. Throws FormatError where one is none. */
  add(key: string, text: string): void {
    this.#keys.add(key);
    this.bytes += text.length;
    for (const [i, line] of text.trimEnd().split("\n").entries()) {
      const { x, arm, id } = parseExposure(line, `${key}, line ${i + 1}`);
      if (x !== this.#experiment) continue;
      this.#lines.set(arm, (this.#lines.get(arm) ?? 0) + 1);
      const ids = this.#ids.get(arm) ?? new Set();
      this.#ids.set(arm, ids.add(id));
    }
  }

  /** Lists of an arm, and lines that came beside theirs. */
  of(arm: string): { lists: number; twice: number } {
    const lists = this.#ids.get(arm)?.size ?? 0;
    return { lists, twice: (this.#lines.get(arm) ?? 0) - lists };
  }

  get lines(): number {
    return [...this.#lines.values()].reduce((sum, lines) => sum + lines, 0);
  }
}
