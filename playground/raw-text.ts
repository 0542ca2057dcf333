import type { Column, RawValue } from "./columns.ts";

// A value of a record as the text of an input, and back.

/** The text that shows a value; "" where it is missing. */
export function textOf(value: RawValue | undefined): string {
  if (value === undefined || value === null) return "";
  if (!Array.isArray(value)) return String(value);
  const simple = value.every((part) => typeof part === "string" && part.trim() === part && !/^$|,|^\[/.test(part));
  return simple && value.length > 1 ? value.join(", ") : JSON.stringify(value);
}

/**
 * The value that a text means; undefined where there is none. What is no number stays a text, so that the Worker says
 * what is wrong with it. A list is written with commas, or as JSON; without either it goes as it is, and the Worker
 * divides it as it would divide a log's text.
 */
export function readValue(text: string, kind: Column["kind"]): RawValue | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (kind === "number") return Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
  if (kind === "text") return text;
  return listOf(trimmed) ?? text;
}

function listOf(text: string): RawValue | null {
  if (text.startsWith("[")) {
    try {
      return JSON.parse(text) as RawValue;
    } catch {
      return null;
    }
  }
  if (!text.includes(",")) return null;
  const parts = text.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "");
}
