import { FormatError } from "../../format/errors.ts";

/** A version that is to serve under a model's name, and when a trusted key last spoke for it. */
export interface Vouched {
  /** The model's name. */
  model: string;
  version: string;
  /** The serial number of the pointer's signature or, without one, of the blob's. Milliseconds since the epoch. */
  serial: number;
}

/**
 * What keeps whoever can write to the store from letting an earlier signed version of a model serve: of what a trusted
 * key has signed, an isolate follows the latest that it has seen. It is kept however often models come and go. Names
 * are few, as each has passed the check of a signature.
 */
export class Serials {
  readonly #latest = new Map<string, Vouched>();

  /**
   * Throws FormatError, which names `place`, where something later was accepted for the model. The version that was
   * accepted last may always be pointed to.
   */
  check({ model, version, serial }: Vouched, place: string): void {
    const latest = this.#latest.get(model);
    if (!latest || latest.version === version || serial >= latest.serial) return;
    throw new FormatError(
      place,
      `got version ${version} with the serial number ${serial}, expected ${latest.serial} or later as of version ` +
        `${latest.version}: only a signed rollback goes back`,
    );
  }

  /** Throws FormatError, which names `place`, where the serial number is below the least that settings allow. */
  checkLeast({ version, serial }: Vouched, least: number, place: string): void {
    if (serial >= least) return;
    throw new FormatError(place, `got version ${version} with the serial number ${serial}, expected ${least} or later`);
  }

  accept(vouched: Vouched): void {
    const serial = Math.max(vouched.serial, this.#latest.get(vouched.model)?.serial ?? 0);
    this.#latest.set(vouched.model, { ...vouched, serial });
  }
}
