import { type TakeJson, Unparsed } from "../../runtime/unparsed.ts";
import { parseJsonBytes, skipSpace } from "./json-bytes.ts";

/** A member of a body's JSON. */
export class JsonValue extends Unparsed {
  readonly #bytes: Uint8Array;
  #parsed: { value: unknown } | null = null;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  /** Throws BodyError where it is not JSON. */
  override get value(): unknown {
    this.#parsed ??= { value: parseJsonBytes(this.#bytes) };
    return this.#parsed.value;
  }

  override check(see: (value: unknown) => void): void {
    if (this.#bytes.length > 0) see(this.value);
  }

  override takeJson(take: TakeJson): boolean {
    const bytes = this.#bytes;
    const next = take(bytes, 0, bytes.length);
    return next >= 0 && skipSpace(bytes, next) >= bytes.length;
  }
}
