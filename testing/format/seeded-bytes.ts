import { seeded } from "./random.ts";

/**
 * Until it is disposed of, all that draws random bytes of `crypto` gets those of a seed. Under an id that is a new one
 * each time, a foreign item has the tag of one of a list's n items once in 2¹⁶/n times.
 */
export function seedRandomBytes(seed: number): Disposable {
  const random = seeded(seed);
  const value = (bytes: Uint8Array): Uint8Array => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = 256 * random();
    return bytes;
  };
  Object.defineProperty(crypto, "getRandomValues", { configurable: true, value });
  return { [Symbol.dispose]: () => void Reflect.deleteProperty(crypto, "getRandomValues") };
}
