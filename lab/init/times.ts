import { timeReader } from "../../format/prepare/time-format.ts";
import { type StatedTime, statedTime } from "../../format/prepare/time-text.ts";

// Times as logs write them.

/** How the times of a column are written, and how they are read. */
export interface TimeStyle {
  /** strptime's format, of texts that are not ISO 8601. */
  format?: string;
  /** What numbers count. */
  unit?: "s" | "ms";
  /** Why this format, where another one reads the same texts. */
  doubt?: string;
  /** Whether the texts say the time of day. */
  clock: boolean;
  /** Seconds since 1970; null for what is no such time. */
  read(text: string): number | null;
}

/** Numbers that count seconds since 1970 are taken for times of these years. */
const FIRST_SECOND = Date.UTC(2000, 0) / 1000;
const LAST_SECOND = Date.UTC(2100, 0) / 1000;

const DATES = ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y"];
const CLOCKS = ["", " %H:%M", " %H:%M:%S"];
const FORMATS = [
  ...DATES.flatMap((date) => CLOCKS.map((clock) => date + clock)),
  ...["%Y%m%d", "%Y%m%d%H", "%Y%m%d%H%M%S", "%y%m%d%H", "%d/%b/%Y:%H:%M:%S %z", "%d %b %Y %H:%M:%S", "%d %b %Y"],
  ...["%b %d, %Y", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z"],
  "%a, %d %b %Y %H:%M:%S GMT", // of HTTP, and of JavaScript's toUTCString
];
function formatted(format: string): TimeStyle {
  const read = timeReader(format);
  return { format, clock: /%[HI]/.test(format), read: (text) => secondsOf(read(text)) };
}

function secondsOf(time: StatedTime | null): number | null {
  return time && time.wall / 1000 - (time.offset ?? 0);
}

const ISO: TimeStyle = {
  clock: true,
  read: (text) => secondsOf(statedTime(text)),
};

/** Names of columns that say when a record was made, or when something happened. */
const TIME_NAME = /(^|_)(ts|time|timestamp|datetime|date|day|hour|at|on|when|created|epoch|dt)(_|$)/;

export function isTimeName(name: string): boolean {
  return TIME_NAME.test(name.replace(/([a-z])([A-Z])/g, "$1_$2").toLowerCase());
}

/**
 * How times among these texts are written; null where they are no times. `texts` are in the order of the log, in which
 * times mostly ascend. Numbers are times only where the column's name says so, or where they ascend.
 */
export function timeStyleOf(name: string, texts: readonly string[]): TimeStyle | null {
  if (texts.length === 0) return null;
  if (reads(ISO, texts)) return { ...ISO, clock: texts.some((text) => text.includes(":")) };
  const named = isTimeName(name);
  const numbers = texts.every((text) => /^\s*\d+(\.\d+)?\s*$/.test(text));
  if (numbers && !named && !ascends(texts)) return null;
  if (numbers) {
    const seconds = numbered("s", 1);
    if (reads(seconds, texts)) return seconds;
    const milliseconds = numbered("ms", 1000);
    if (reads(milliseconds, texts)) return milliseconds;
    if (!named) return null;
  }
  const [first, second] = FORMATS.map(formatted).filter((style) => reads(style, texts));
  if (!first || !second) return first ?? null;
  // The day before the month and the month before the day: the right one keeps the log in its order.
  const [better, other] = disorder(second, texts) < disorder(first, texts) ? [second, first] : [first, second];
  return { ...better, doubt: `${other.format} reads them, too, but in less of an order` };
}

function numbered(unit: "s" | "ms", perSecond: number): TimeStyle {
  return {
    unit,
    clock: true,
    read(text) {
      const seconds = Number(text) / perSecond;
      return seconds >= FIRST_SECOND && seconds < LAST_SECOND ? seconds : null;
    },
  };
}

/** Texts that are tried first, so that most styles are ruled out at once. */
const TRIED = 50;

function reads(style: TimeStyle, texts: readonly string[]): boolean {
  return (
    texts.slice(0, TRIED).every((text) => style.read(text) !== null) && texts.every((text) => style.read(text) !== null)
  );
}

/** How far times go back and forth between neighbors. */
function disorder(style: TimeStyle, texts: readonly string[]): number {
  return texts
    .slice(1)
    .reduce((sum, text, i) => sum + Math.abs((style.read(text) ?? 0) - (style.read(texts[i]) ?? 0)), 0);
}

/** Share of neighbors that are in order, from which on numbers may be times. */
const MOSTLY = 0.95;

function ascends(texts: readonly string[]): boolean {
  const inOrder = texts.slice(1).filter((text, i) => Number(text) >= Number(texts[i])).length;
  return texts.length > TRIED && inOrder >= MOSTLY * (texts.length - 1);
}
