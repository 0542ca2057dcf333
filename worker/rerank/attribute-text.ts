/** The character references that authors and templates write into attributes. */
const NAMED: ReadonlyMap<string, string> = new Map(
  Object.entries({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" }),
);

/** The text of an attribute that the parser gives as it is written. Other named references stay as they are. */
export function attributeText(written: string): string {
  if (!written.includes("&")) return written;
  return written.replaceAll(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]+));/g, (reference, decimal, hex, name) => {
    if (name !== undefined) return NAMED.get(name) ?? reference;
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : reference;
  });
}
