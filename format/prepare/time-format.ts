import { microsecondsOf, offsetSeconds, type StatedTime, timeText, wallTime } from "./time-text.ts";

// Times in the form that strptime's directives describe, as FORMAT.md, "Times", lists them.

/** What a step takes of a time. */
export const TIME_PARTS = ["hour", "weekday", "day", "month", "date"] as const;
export type TimePart = (typeof TIME_PARTS)[number];

const MONTHS = [
  ...["january", "february", "march", "april", "may", "june"],
  ...["july", "august", "september", "october", "november", "december"],
];
const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/** What has been read of a text. */
interface Read {
  year?: number;
  month?: number;
  day?: number;
  dayOfYear?: number;
  hour?: number;
  hour12?: number;
  afternoon?: boolean;
  minute?: number;
  second?: number;
  fraction?: string;
  offset?: number;
}

/** Reads what a directive stands for at the text's place; null where it is not there. */
type Reader = (text: string, at: number, read: Read) => number | null;

const AT_MOST_2 = /\d{1,2}/y;

/** Reads a number of one or two digits, as many as there are, from `least` to `most`. */
function digits(key: "month" | "day" | "hour" | "hour12" | "minute" | "second", least: number, most: number): Reader {
  return (text, at, read) => {
    const found = matchAt(AT_MOST_2, text, at);
    const number = Number(found);
    if (found === null || number < least || number > most) return null;
    read[key] = number;
    return at + found.length;
  };
}

/** Reads a name in English, whole or its first three letters, in any case. */
function name(names: readonly string[], take: (read: Read, number: number) => void): Reader {
  return (text, at, read) => {
    const number = names.findIndex((one) => text.slice(at, at + 3).toLowerCase() === one.slice(0, 3));
    const whole = names[number];
    if (whole === undefined) return null;
    take(read, number + 1);
    return at + (text.slice(at, at + whole.length).toLowerCase() === whole ? whole.length : 3);
  };
}

function pattern(expression: RegExp, take: (read: Read, found: string) => boolean): Reader {
  return (text, at, read) => {
    const found = matchAt(expression, text, at);
    return found !== null && take(read, found) ? at + found.length : null;
  };
}

const month = name(MONTHS, (read, number) => {
  read.month = number;
});
const weekday = name(DAYS, () => {});

const DIRECTIVES: Record<string, Reader> = {
  Y: pattern(/\d{4}/y, (read, found) => {
    read.year = Number(found);
    return true;
  }),
  y: pattern(/\d{2}/y, (read, found) => {
    read.year = Number(found) + (Number(found) < 69 ? 2000 : 1900); // as POSIX has it
    return true;
  }),
  m: digits("month", 1, 12),
  d: digits("day", 1, 31),
  H: digits("hour", 0, 24),
  I: digits("hour12", 1, 12),
  M: digits("minute", 0, 59),
  S: digits("second", 0, 60),
  b: month,
  B: month,
  a: weekday,
  A: weekday,
  p: pattern(/[ap]m/iy, (read, found) => {
    read.afternoon = found.toLowerCase() === "pm";
    return true;
  }),
  f: pattern(/\d{1,9}/y, (read, found) => {
    read.fraction = found;
    return true;
  }),
  j: pattern(/\d{3}/y, (read, found) => {
    read.dayOfYear = Number(found);
    return Number(found) >= 1 && Number(found) <= 366;
  }),
  z: pattern(/Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?/iy, (read, found) => {
    const offset = offsetSeconds(found);
    if (offset !== undefined) read.offset = offset;
    return offset !== undefined;
  }),
};

/** Directives that stand for several. */
const SHORTHANDS: Record<string, string> = { F: "%Y-%m-%d", T: "%H:%M:%S", R: "%H:%M", D: "%m/%d/%y" };

function matchAt(expression: RegExp, text: string, at: number): string | null {
  expression.lastIndex = at;
  return expression.exec(text)?.[0] ?? null;
}

/** The parts of a format: directives, blanks (a run of white space), and other texts as they are. */
function partsOf(format: string): string[] {
  const whole = format.replace(/%([FTRD])/g, (_, letter: string) => SHORTHANDS[letter] ?? "");
  return whole.match(/%.|%$|\s+|[^%\s]+/gsu) ?? [];
}

/** Why a format cannot give that part of a time; null where it can. */
export function timeFormatProblem(format: string, part: TimePart): string | null {
  const parts = partsOf(format);
  const has = (...names: string[]): boolean => names.some((letter) => parts.includes(`%${letter}`));
  const unknown = parts.find((one) => one.startsWith("%") && one !== "%%" && !Object.hasOwn(DIRECTIVES, one.slice(1)));
  const got = `got the time format ${JSON.stringify(format)}`;
  if (unknown !== undefined) {
    const known = [...Object.keys(DIRECTIVES), ...Object.keys(SHORTHANDS)].map((letter) => `%${letter}`).join(" ");
    return `${got} with ${JSON.stringify(unknown)}, expected of its directives ${known} %%`;
  }
  const year = has("Y", "y");
  const [hasMonth, hasDay] = [has("m", "b", "B") || (year && has("j")), has("d") || (year && has("j"))];
  const hour = has("H") || has("I");
  const date = year && hasMonth && hasDay;
  if (has("I") !== has("p")) return `${got} with one of %I and %p, expected both or neither`;
  if (has("z") && !(date && hour)) return `${got} with the offset %z, expected date and hour with it`;
  const found = { hour, month: hasMonth, day: hasDay, weekday: date, date }[part];
  return found ? null : `${got}, expected one that has what gives the ${part}`;
}

/** Reads texts of a format: what a text states, or null where it is not of the format. Takes time linear in it. */
export function timeReader(format: string): (text: string) => StatedTime | null {
  const readers = partsOf(format).map(readerOf);
  return (given) => {
    const text = timeText(given);
    if (text === null) return null;
    const read: Read = {};
    let at: number | null = 0;
    for (const reader of readers) {
      at = reader(text, at, read);
      if (at === null) return null;
    }
    return at === text.length ? stated(read) : null;
  };
}

function readerOf(part: string): Reader {
  const reader = part === "%%" ? undefined : part.startsWith("%") ? DIRECTIVES[part.slice(1)] : undefined;
  if (reader) return reader;
  if (part.trim() === "") return (text, at) => endOfBlanks(text, at);
  const literal = part === "%%" ? "%" : part;
  return (text, at) => (text.startsWith(literal, at) ? at + literal.length : null);
}

function endOfBlanks(text: string, at: number): number | null {
  const found = matchAt(/\s+/y, text, at);
  return found === null ? null : at + found.length;
}

function stated(read: Read): StatedTime | null {
  const { year = 1900, day = 1, dayOfYear, hour12, afternoon, minute = 0, second = 0, fraction = "" } = read;
  const hour = hour12 === undefined ? (read.hour ?? 0) : (hour12 % 12) + (afternoon ? 12 : 0);
  const time = { hour, minute, second };
  const wall =
    dayOfYear === undefined
      ? wallTime({ year, month: read.month ?? 1, day, ...time })
      : wallOfDay(year, dayOfYear, wallTime({ year, month: 1, day: 1, ...time }));
  return wall === null ? null : { wall, microseconds: microsecondsOf(fraction), offset: read.offset ?? null };
}

/** The time of day of January 1 on another day of the year; null where the year lacks it. */
function wallOfDay(year: number, dayOfYear: number, first: number | null): number | null {
  if (first === null) return null;
  const midnight = new Date((Math.floor(first / 86_400_000) + dayOfYear - 1) * 86_400_000);
  return midnight.getUTCFullYear() === year ? first + (dayOfYear - 1) * 86_400_000 : null;
}
