/** Characters that have room beside a chart. */
const LABEL_CHARACTERS = 16;

/** A text with its middle cut out where it is too long, as ids often differ at their ends. */
export function shortened(text: string, length = LABEL_CHARACTERS): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  const half = (length - 1) / 2;
  return `${characters.slice(0, Math.floor(half)).join("")}…${characters.slice(-Math.ceil(half)).join("")}`;
}

/** A number with its noun, in the plural where it is not 1. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
