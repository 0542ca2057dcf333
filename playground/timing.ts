/** What `server-timing` says, in words: `kv;desc="3", encode;dur=0.21` is "encode 0.21 ms · 3 keys of KV". */
export function timingText(header: string, roundTrip: number): string {
  const parts = [`${roundTrip.toFixed(roundTrip < 10 ? 1 : 0)} ms there and back`];
  for (const entry of header.split(",")) {
    const [, name, duration] = /^\s*([\w-]+);dur=([\d.]+)/.exec(entry) ?? [];
    if (name) parts.push(`${name} ${duration} ms`);
  }
  const keys = /(?:^|,)\s*kv;desc="(\d+)"/.exec(header)?.[1];
  if (keys !== undefined) parts.push(keys === "1" ? "1 key of KV" : `${keys} keys of KV`);
  return parts.join(" · ");
}
