import { FormatError, show } from "../../format/errors.ts";
import { type PublicKey, readPublicKeys } from "../../format/signature.ts";
import { verifyStatement } from "../../format/signed-pointer.ts";
import type { LoadedVersion } from "./loaded-model.ts";
import type { Published } from "./published.ts";
import type { Serials, Vouched } from "./serials.ts";

/** What the settings trust. */
export interface Trust {
  /** Public keys, one of which must have signed a model, as text; empty: none need have. */
  keys: string;
  /** By a model's name: the least serial number that it may have been signed with. */
  leastSerials: ReadonlyMap<string, number>;
}

/** Judges whether a version may serve as the store says: under its name and, where models must be signed, now. */
export class Judge {
  /** Keys, one of which must have signed it; none need have where there are none. */
  readonly trusted: readonly PublicKey[];
  readonly #published: Published;
  readonly #leastSerials: Trust["leastSerials"];
  readonly #serials: Serials;

  private constructor(published: Published, trusted: readonly PublicKey[], { leastSerials }: Trust, serials: Serials) {
    this.#published = published;
    this.trusted = trusted;
    this.#leastSerials = leastSerials;
    this.#serials = serials;
  }

  /** Throws FormatError where the store says it with a signature that is not by a trusted key. */
  static async of(published: Published, trust: Trust, serials: Serials): Promise<Judge> {
    const trusted = await readPublicKeys(trust.keys, "MODEL_KEYS");
    const { key, model, version, signed, isPinned } = published;
    try {
      if (trusted.length > 0 && signed && model !== null)
        await verifyStatement(signed, { model, version }, trusted, key);
    } catch (error) {
      // A request that names the version itself does not need what the pointer says of it.
      if (!isPinned) throw error;
      return new Judge({ ...published, signed: null }, trusted, trust, serials);
    }
    return new Judge(published, trusted, trust, serials);
  }

  /**
   * Throws FormatError where the version may not serve. One that a request itself names is held to the least serial
   * number alone: whoever writes to the store did not choose it.
   */
  check(loaded: LoadedVersion): void {
    this.#refuseOtherName(loaded);
    if (this.trusted.length === 0) return;
    const { key, isPinned } = this.#published;
    const vouched = this.#vouched(loaded);
    this.#serials.checkLeast(vouched, this.#leastSerials.get(vouched.model) ?? 0, key);
    if (!isPinned) this.#serials.check(vouched, key);
  }

  /** Remembers that the version serves, so that none of before does any more. */
  accept(loaded: LoadedVersion): void {
    if (this.trusted.length > 0 && !this.#published.isPinned) this.#serials.accept(this.#vouched(loaded));
  }

  #vouched({ version, serial, scorer }: LoadedVersion): Vouched {
    return { model: scorer.manifest.spec.name, version, serial: this.#published.signed?.serial ?? serial };
  }

  /**
   * Where models must be signed, the signature is of the blob's name alone, and whoever can write to the store must not
   * be able to give it another.
   */
  #refuseOtherName({ version, scorer }: LoadedVersion): void {
    const { key, model, isBlobsName } = this.#published;
    const { name } = scorer.manifest.spec;
    if (model === null || model === name || (!isBlobsName && this.trusted.length === 0)) return;
    const problem = `got ${show(model)}, expected ${show(name)} as in blob ${version}`;
    throw new FormatError(`${key}: model`, isBlobsName ? problem : `${problem}, which is signed`);
  }
}
