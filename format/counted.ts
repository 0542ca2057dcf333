/** A number with its noun, in the plural where it is not 1: "1 page", "1,234 pages". `plural`: where it takes no s. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? noun : plural}`;
}
