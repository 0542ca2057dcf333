/**
 * Why a list went out in the origin's order, or an answer as the origin gave it; the values of the counter's label, of
 * `Server-Timing` and of logs.
 */
const WHYS = [
  /** The answer is none that is re-ranked: its status, its type, its encoding. */
  "status",
  "type",
  "charset",
  "encoding",
  /** What decides about experiments failed, or took too long. */
  "experiment",
  /** The model is missing, or refused the list. */
  "model",
  /** The order took longer than it may. */
  "budget",
  /** There is no such list, or no items in it. */
  "no-match",
  /** The list has more bytes or items than may be held. */
  "too-long",
  /** The list, or an item of it, has no end tag of its own. */
  "unclosed",
  /** There was no memory for it. */
  "memory",
  /** The parser stopped, or the document is none. */
  "parser",
  /** The origin broke off, or the visitor has gone. */
  "origin",
] as const;

export type Why = (typeof WHYS)[number];
