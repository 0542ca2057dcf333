import { show } from "../../format/errors.ts";
import { SettingError } from "../http/errors.ts";

/**
 * A variable that is text; undefined where there is none. Throws SettingError, without the value, which may be a
 * secret: wrangler.toml takes a list or a table for any variable.
 */
export function readText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new SettingError(`${name}: got ${kindOf(value)}, expected text`);
}

/** Throws SettingError where a source is made of anything but a binding, which has the method. */
export function checkSource(binding: object, method: string, expected: string): void {
  if (typeof (binding as Record<string, unknown> | undefined)?.[method] === "function") return;
  throw new SettingError(`source: got ${kindOf(binding)}, expected ${expected}`);
}

/** What a value of an environment is, without the value. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "no binding";
  if (typeof value === "string") return "text";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "a table" : `a ${typeof value}`;
}

/** "on", "off", or "" where nothing is said. Throws SettingError. */
export function readSwitch(name: string, text: string): string {
  if (["", "on", "off"].includes(text)) return text;
  throw new SettingError(`${name}: got ${show(text)}, expected "on" or "off"`);
}

/** A whole number in [0, max]. Throws SettingError, which shows no text that is no number. */
export function numberWithin(name: string, value: unknown, max: number): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= max) return number;
  const got = typeof number === "number" && !Number.isNaN(number) ? String(number) : "no number";
  throw new SettingError(`${name}: got ${got}, expected a whole number from 0 to ${max}`);
}
