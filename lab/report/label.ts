/** Small letters that have room beside a chart. */
const LABEL_CHARACTERS = 16;

/** Pixels left of a chart's plot for so many of them, as wide as fonts have them. */
export const LABEL_ROOM = 124;

/** What is as wide as two small letters, and what is wider than one: a font's own widths are not known here. */
const WIDE = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{Extended_Pictographic}\p{RI}\uff01-\uff60]/u;
const BROAD = /[\p{Lu}@%&]/u;
const BROAD_ROOM = 1.3;

/** What a reader sees as one character, which may be several of a string. */
const CHARACTERS = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * A text with its middle cut out where it is too long, as ids often differ at their ends. `length`: the small letters
 * that have room.
 */
export function shortened(text: string, length = LABEL_CHARACTERS): string {
  const characters = Array.from(CHARACTERS.segment(text), ({ segment }) => segment);
  if (fitting(characters, length) === characters.length) return text;
  const half = (length - 1) / 2;
  const first = fitting(characters, Math.floor(half));
  const last = fitting(characters.toReversed(), Math.ceil(half));
  return `${characters.slice(0, first).join("")}…${characters.slice(characters.length - last).join("")}`;
}

/** How many of the first characters have room. */
function fitting(characters: readonly string[], room: number): number {
  let left = room;
  const count = characters.findIndex((character) => {
    left -= WIDE.test(character) ? 2 : BROAD.test(character) ? BROAD_ROOM : 1;
    return left < 0;
  });
  return count < 0 ? characters.length : count;
}
