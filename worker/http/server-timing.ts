/** What a scoring request cost, for its `server-timing` header. */
export interface ScoreTiming {
  /** Row pages that were read from KV; their keys are what KV bills. */
  kvKeys: number;
  /** Milliseconds of encoding the records and looking them up among the blob's rows. */
  encode: number;
  /** Milliseconds of waiting for rows. */
  rows: number;
  /** Milliseconds in the scoring kernel. */
  kernel: number;
}

/** The header's value. Deployed, clocks stand still while code computes: there, `encode` and `kernel` read 0. */
export function serverTiming({ kvKeys, encode, rows, kernel }: ScoreTiming): string {
  const dur = (name: string, ms: number): string => `${name};dur=${ms.toFixed(2)}`;
  return [`kv;desc="${kvKeys}"`, dur("encode", encode), dur("rows", rows), dur("kernel", kernel)].join(", ");
}
