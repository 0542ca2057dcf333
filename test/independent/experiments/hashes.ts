import { createHash } from "node:crypto";
import { finish, rotateLeft } from "../murmur.ts";

// How other vendors hash units into buckets. The product has none of these: it hashes as GrowthBook does.

/** MurmurHash3_x86_32 (Austin Appleby, public domain) of the UTF-8 of a text. */
export function murmur32(text: string, seed: number): number {
  const bytes = new TextEncoder().encode(text);
  const padded = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 4) * 4));
  new Uint8Array(padded.buffer).set(bytes);
  let h = seed;
  for (let i = 0; i < padded.byteLength; i += 4) {
    h ^= Math.imul(rotateLeft(Math.imul(padded.getUint32(i, true), 0xcc9e2d51), 15), 0x1b873593);
    // The tail is only scrambled in; its zeros scramble to zero.
    if (i + 4 <= bytes.length) h = Math.imul(rotateLeft(h, 13), 5) + 0xe6546b64;
  }
  return finish(h ^ bytes.length) >>> 0;
}

/** The first 60 bits of the SHA-1 of a text, as LaunchDarkly and PlanOut take them. */
function sha60(text: string): bigint {
  return BigInt(`0x${createHash("sha1").update(text).digest("hex").slice(0, 15)}`);
}

/** Optimizely: a bucket of 10,000. `key`: the unit's id followed by the experiment's. */
export function optimizelyBucket(key: string): number {
  return Math.floor((murmur32(key, 1) / 2 ** 32) * 10_000);
}

/** Unleash: 1 to 100. `seed`: 0 for strategies, 86028157 for variants. */
export function unleashPercent(id: string, group: string, seed: number): number {
  return (murmur32(`${group}:${id}`, seed) % 100) + 1;
}

/** LaunchDarkly: a number from 0 to 1. */
export function launchDarklyBucket(key: string, salt: string, id: string): number {
  return Number(sha60(`${key}.${salt}.${id}`)) / (2 ** 60 - 1);
}

/** PlanOut's UniformChoice: the index of one of `choices`. */
export function planOutChoice(key: string, choices: number): number {
  return Number(sha60(key) % BigInt(choices));
}
