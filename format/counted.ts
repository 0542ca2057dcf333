/** A number with its noun, in the plural where it is not 1: "1 page", "1,234 pages". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
