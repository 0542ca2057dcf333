// JSON pointers, RFC 6901: places in a JSON document.

/** The pointer to what stands under these names, each within the one before; without any, to the whole document. */
export function pointerOf(names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The names of a pointer, as `pointerOf` takes them. */
export function namesOf(pointer: string): string[] {
  const parts = pointer.split("/").slice(1);
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
