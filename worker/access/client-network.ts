/** Bits of an IPv6 address that name a client's network: providers give each customer at least a /64. */
const NETWORK_GROUPS = 4;

/**
 * What an address is counted as: an IPv4 address by itself, in either form, and an IPv6 address by its network, since a
 * client has 2^64 of those. Any other text is counted as it stands.
 */
export function clientNetwork(address: string): string {
  const url = address.includes(":") ? URL.parse(`http://[${address}]`) : null;
  if (url === null) return address;
  const [, high, low = ""] = /^\[::ffff:(\w+):(\w+)\]$/.exec(url.hostname) ?? [];
  // A URL writes the 32 bits of an IPv4 address as its four numbers.
  if (high) return new URL(`http://0x${high}${low.padStart(4, "0")}`).hostname;
  // The host is in the shortest form, in which "::" stands for as many zero groups as are missing.
  const [head = "", tail] = url.hostname.slice(1, -1).split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after];
  return `${groups.slice(0, NETWORK_GROUPS).join(":")}::/64`;
}
