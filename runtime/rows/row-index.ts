import { giveBack } from "./give-back.ts";

/**
 * The share of places that may be taken: beyond it, probes become long. int8 rows of 16 numbers take 0.78 of the places
 * of an index of 2¹⁹ in 16 MiB, or 2²⁰ in 32 MiB; one of twice as many would leave room for a seventh fewer rows.
 */
const MAX_LOAD = 0.8;

/** Places of the smallest index. */
const MIN_PLACES = 2 ** 8;

/**
 * Where entries are, by the low word of what names them: an open-addressing table of positions, which are never 0, with
 * linear probing. The low words are spread evenly, as they are of hashes. The words themselves stay where the entries
 * are: `lowWordAt` reads them there.
 */
export class RowIndex {
  readonly #lowWordAt: (position: number) => number;
  #places = new Int32Array(MIN_PLACES);
  #count = 0;

  constructor(lowWordAt: (position: number) => number) {
    this.#lowWordAt = lowWordAt;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#places.byteLength;
  }

  get bytesOnceGrown(): number {
    return 2 * this.#places.byteLength;
  }

  /** Whether one more may be added. */
  get hasRoom(): boolean {
    return this.#count < MAX_LOAD * this.#places.length;
  }

  /** The place to look at first. The next ones are `next`'s, up to one with the position 0. */
  first(lo: number): number {
    return lo & (this.#places.length - 1);
  }

  next(place: number): number {
    return (place + 1) & (this.#places.length - 1);
  }

  /** The position at a place, or 0. */
  at(place: number): number {
    return this.#places[place] as number;
  }

  add(lo: number, position: number): void {
    let place = this.first(lo);
    while (this.#places[place] !== 0) place = this.next(place);
    this.#places[place] = position;
    this.#count++;
  }

  /** Says that an entry has another position now. */
  move(lo: number, from: number, to: number): void {
    this.#places[this.#placeOf(lo, from)] = to;
  }

  /** Removes an entry, whose word must still be where it was: those after it close up, so that probes find them. */
  remove(lo: number, position: number): void {
    const mask = this.#places.length - 1;
    let hole = this.#placeOf(lo, position);
    for (let place = this.next(hole); ; place = this.next(place)) {
      const other = this.#places[place] as number;
      if (other === 0) break;
      const home = this.#lowWordAt(other) & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      this.#places[hole] = other;
      hole = place;
    }
    this.#places[hole] = 0;
    this.#count--;
  }

  grow(): void {
    this.#resize(2 * this.#places.length);
  }

  /** Makes it as small as its entries allow. */
  shrink(): void {
    let places = this.#places.length;
    while (places > MIN_PLACES && this.#count < (MAX_LOAD / 2) * places) places /= 2;
    if (places < this.#places.length) this.#resize(places);
  }

  #resize(places: number): void {
    const before = this.#places;
    this.#places = new Int32Array(places);
    this.#count = 0;
    for (const position of before) if (position !== 0) this.add(this.#lowWordAt(position), position);
    giveBack(before);
  }

  #placeOf(lo: number, position: number): number {
    let place = this.first(lo);
    while (this.#places[place] !== position) {
      if (this.#places[place] === 0) throw new Error(`row index: got position ${position}, which is not in it`);
      place = this.next(place);
    }
    return place;
  }
}
