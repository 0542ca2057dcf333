import { describe, expect, it } from "vitest";
import * as c from "../../format/constants.ts";
import { FormatError } from "../../format/errors.ts";
import { readBlob } from "../../format/read-blob.ts";
import { edited, inSection, sectionOf, withSection, withTable } from "../format/edit-blob.ts";
import { integer, seeded } from "../format/random.ts";
import { GOOD_BLOB, GOOD_FLOAT_BLOB, GOOD_PRODUCTS, GOOD_TOWERS } from "./broken-blobs.ts";
import { batchOf, instantiate, KERNELS, loadInto, scoreIn } from "./harness.ts";
import { randomRecords } from "./random-model.ts";

// Random damage, most of it under checksums that are right again, so that it gets as far as the check that must stop it.

const MUTATIONS = 2000;
const GOOD = [GOOD_BLOB, GOOD_PRODUCTS, GOOD_TOWERS, GOOD_FLOAT_BLOB];
const WORDS = [0, 1, 2, 64, 0x7fffffff, 0x80000000, 0xffffffff, 0xffffffc0, 0x7f800000, 0x7fc00000, 0x3f800000];

interface Mutation {
  name: string;
  blob: Uint8Array;
  /** The section that was changed, 0 if none can be told. */
  section: number;
}

/** Overwrites a bit or a word of `bytes`, which are not empty. */
function damage(bytes: Uint8Array, random: () => number): void {
  const at = integer(random, 0, bytes.length - 1);
  if (random() < 0.5 || bytes.length < 4) {
    bytes[at] = (bytes[at] as number) ^ (1 << integer(random, 0, 7));
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = Math.min(at & ~3, (bytes.length & ~3) - 4);
  const old = view.getUint32(word, true);
  const choices = [...WORDS, old + 1, old - 1, old + 64, Math.floor(random() * 2 ** 32)];
  view.setUint32(word, choices[integer(random, 0, choices.length - 1)] as number, true);
}

function mutate(good: Uint8Array, random: () => number): Mutation {
  const kind = random();
  const section = integer(random, c.SECTION_MODEL, c.SECTION_DENSE); // the kernel reads no other
  const bytes = sectionOf(good, section);
  if (kind < 0.1) return { name: "bytes", section: 0, blob: edited(good, (_, all) => damage(all, random)) };
  if (kind < 0.2) {
    const header = c.BLOB_HEADER_BYTES + c.SECTION_COUNT * c.SECTION_ENTRY_BYTES;
    const blob = withTable(good, (view) => damage(new Uint8Array(view.buffer, 0, header), random));
    return { name: "table", section: 0, blob };
  }
  if (kind < 0.3) {
    const resized = new Uint8Array(integer(random, 0, bytes.length + 128));
    resized.set(bytes.subarray(0, resized.length));
    return { name: `length of section ${section}`, section, blob: withSection(good, section, resized) };
  }
  if (bytes.length === 0) return { name: "nothing", section, blob: good };
  // MODEL is what all other checks are about, so it is damaged more often.
  const target = kind < 0.6 ? c.SECTION_MODEL : section;
  return { name: `section ${target}`, section: target, blob: inSection(good, target, (_, all) => damage(all, random)) };
}

describe.each(KERNELS)("$name", (kernel) => {
  it("refuses a damaged blob exactly if readBlob does, or scores with it, and never traps", () => {
    const exports = instantiate(kernel);
    const random = seeded(2017);
    let accepted = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const { name, blob, section } = mutate(GOOD[i % GOOD.length] as Uint8Array, random);
      const where = `mutation ${i}: ${name}`;
      const code = loadInto(exports, blob);
      let model: ReturnType<typeof readBlob> | undefined;
      let problem = "";
      try {
        model = readBlob(blob);
      } catch (error) {
        expect(error, where).toBeInstanceOf(FormatError);
        problem = (error as FormatError).problem;
      }
      // The kernel does not read SPEC, so a side that contradicts it is for readBlob alone.
      if (code === c.LOAD_OK && problem.endsWith("as in SPEC")) continue;
      expect(code === c.LOAD_OK, `${where}: ${problem}`).toBe(model !== undefined);
      if (!model) {
        expect(exports.score(1), where).toBe(c.CALL_NOT_LOADED);
        continue;
      }

      accepted++;
      const records = randomRecords(model, 5, i);
      const batch = batchOf(records, exports.rowsAddress(), exports.rowBytes());
      expect(exports.lookup(100), where).toBe(c.CALL_OK);
      expect(scoreIn(exports, records.length, batch), where).toBe(c.CALL_OK);
      // Finite weights near the end of float32 may sum to ∞ − ∞. Damage elsewhere cannot.
      const floats = [c.SECTION_MODEL, c.SECTION_ROWS, c.SECTION_DENSE].includes(section);
      for (const score of new Float32Array(exports.memory.buffer, exports.scoresAddress(), records.length)) {
        expect((score >= 0 && score <= 1) || (floats && Number.isNaN(score)), `${where}: ${score}`).toBe(true);
      }
    }
    expect(accepted).toBeGreaterThan(MUTATIONS / 10);
    expect(accepted).toBeLessThan(0.6 * MUTATIONS);
  });

  it("never traps on random offsets, addresses and keys", () => {
    const exports = instantiate(kernel);
    loadInto(exports, GOOD_BLOB);
    const random = seeded(42);
    const word = (): number => (random() < 0.5 ? Math.floor(random() * 2 ** 32) : integer(random, 0, 40000));
    for (let i = 0; i < 300; i++) {
      const batch = {
        offsets: Uint32Array.from({ length: 3 * c.MAX_BATCH + 1 }, (_, at) => (random() < 0.02 ? word() : 4 * at)),
        addresses: Uint32Array.from({ length: 1000 }, () =>
          random() < 0.001 ? word() : exports.rowsAddress() + exports.rowBytes() * integer(random, 0, 52),
        ),
        values: Float32Array.from({ length: 1000 }, () => (random() < 0.01 ? Number.NaN : 1e30 * random())),
      };
      expect([c.CALL_OK, c.CALL_BAD_OFFSETS, c.CALL_BAD_COUNT, c.CALL_BAD_ADDRESS]).toContain(
        scoreIn(exports, integer(random, 0, c.MAX_BATCH), batch),
      );
      expect(exports.lookup(word() % (c.MAX_ENTRIES + 1))).toBe(c.CALL_OK);
    }
  });
});
