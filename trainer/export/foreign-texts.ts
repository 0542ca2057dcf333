import { show } from "../../format/errors.ts";
import { ownValue } from "../../format/own-value.ts";
import type { ClickLog } from "../data/click-log.ts";
import type { RawRecord } from "../data/raw-record.ts";

/** What a record has for an integer of 64 bits. */
const INTEGER = /^-?\d+$/;

/**
 * Warnings of texts that a blob would show to its readers and that came from no log: `data.select` is SQL, which can
 * make any text. Of a blob's texts only the golden records have values of the log; those of the fields that SQL
 * computes are looked for, whatever their case, in what the log itself holds of its first rows. Numbers are not looked
 * for.
 */
export async function foreignTexts(log: ClickLog, records: readonly RawRecord[]): Promise<string[]> {
  if (log.computed.length === 0) return [];
  const held = (await log.sources()).join("\n").toLowerCase();
  const warnings: string[] = [];
  for (const name of log.computed) {
    const texts = records.flatMap((record) => ownValue(record, name)).filter((value) => typeof value === "string");
    const foreign = texts.find((text) => !INTEGER.test(text) && !held.includes(text.toLowerCase()));
    if (foreign !== undefined)
      warnings.push(
        `the blob's golden records show ${show(foreign)}, which data.select.${name} made and ${log.path} does not hold`,
      );
  }
  return warnings;
}
