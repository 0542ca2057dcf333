import { RecordError } from "./refusal.ts";
import type { Field, Step } from "./spec.ts";

// Section 2, "Preparation": what a field's steps make of a value.

const WHITE = /\s+/gu;
const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;
const LONGEST = 65_536;

function fail(got: unknown, expected: string): never {
  throw new RecordError(`got ${typeof got} ${got}, expected ${expected}`);
}

export function isMissing(raw: unknown): boolean {
  return raw === null || raw === undefined || raw === "";
}

/** Canonical text. */
export function textOf(raw: unknown): string {
  const lossy =
    typeof raw === "number" && (!Number.isFinite(raw) || (Number.isInteger(raw) && !Number.isSafeInteger(raw)));
  if (lossy || !["string", "number", "bigint", "boolean"].includes(typeof raw))
    fail(raw, "text, a boolean or a number that JSON keeps");
  return String(raw);
}

/** The number that a value of a numeric field is. */
export function numberOf(raw: unknown): number {
  const isNumber =
    ["number", "bigint", "boolean"].includes(typeof raw) || (typeof raw === "string" && NUMBER.test(raw));
  const x = isNumber ? Number(raw) : Number.NaN;
  return Number.isFinite(Math.fround(x)) ? x : fail(raw, "a finite f32");
}

/** The text of a value for a step, by the type of its field. */
function stepText(raw: unknown, type: string): string {
  if (type !== "numeric") return textOf(raw);
  if (typeof raw === "boolean") return raw ? "1" : "0";
  return typeof raw === "number" && Number.isFinite(raw) ? String(raw) : textOf(raw);
}

function decimalOf(text: string, point: string, thousands: string | undefined): number {
  let digits = text.trim();
  let sign = "";
  if (digits.startsWith("+") || digits.startsWith("-")) [sign = "", digits] = [digits[0], digits.slice(1)];
  const [, mantissa = "", exponent = ""] = /^([^eE]*)(?:[eE]([+-]?\d+))?$/u.exec(digits) ?? fail(text, "a number");
  const [whole = "", fraction = "", ...more] = mantissa.split(point);
  const groups = thousands === undefined ? [whole] : whole.split(thousands);
  const grouped =
    groups.length === 1 ||
    groups.every((group, i) =>
      i === 0 ? /^\d{1,3}$/.test(group) : i === groups.length - 1 ? /^\d{3}$/.test(group) : /^\d{2,3}$/.test(group),
    );
  const plain = groups.join("");
  if (more.length > 0 || !grouped || !/^\d*$/.test(plain + fraction) || plain + fraction === "") fail(text, "a number");
  return numberOf(`${sign}${plain || "0"}.${fraction}e${exponent || "0"}`);
}

// Lists, a character at a time.

const PYTHON_CONTROLS: Record<string, string> = {
  ...{ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
  ...{ "\\": "\\", "'": "'", '"': '"', "\n": "" },
};

function pythonList(text: string): unknown[] {
  let at = 0;
  const list: unknown[] = [];
  const blanks = () => {
    while (" \t\n\r\f".includes(text[at] ?? "x")) at++;
  };
  const string = (quote: string): string => {
    let made = "";
    for (at++; text[at] !== quote; ) {
      const character = text[at++];
      if (character === undefined || character === "\n" || character === "\r") fail(text, quote);
      if (character !== "\\") made += character;
      else {
        const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(text.slice(at, at + 9));
        const octal = /^[0-7]{1,3}/.exec(text.slice(at, at + 3))?.[0];
        const letter: string = text[at] ?? fail(text, "an escape");
        if (hex && "xuU".includes(letter)) {
          const code = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "", 16);
          made += code > 0x10ffff ? fail(text, "a code point") : String.fromCodePoint(code);
          at += hex[0].length;
        } else if (octal !== undefined) {
          made += String.fromCodePoint(Number.parseInt(octal, 8));
          at += octal.length;
        } else if ("NxuU".includes(letter)) fail(text, "an escape");
        else if (letter === "\r") at += text[at + 1] === "\n" ? 2 : 1;
        else {
          made += PYTHON_CONTROLS[letter] ?? `\\${letter}`;
          at++;
        }
      }
    }
    at++;
    return made;
  };
  blanks();
  if (text[at++] !== "[") fail(text, "[");
  blanks();
  while (text[at] !== "]") {
    if (text[at] === "u" && "'\"".includes(text[at + 1] ?? "x")) at++;
    if (text[at] === "'" || text[at] === '"') list.push(string(text[at] as string));
    else {
      const word = /^[\w.+-]*/.exec(text.slice(at))?.[0] ?? "";
      at += word.length;
      if (word === "None" || word === "nan") list.push(null);
      else if (word === "True" || word === "False") list.push(word === "True");
      else if (/^[+-]?(0|[1-9]\d*)$/.test(word)) list.push(word.replace(/^\+/, "").replace(/^-0$/, "0"));
      else if (/^[+-]?(\d+\.\d*|\.\d+|\d+(?=e))(e[+-]?\d+)?$/i.test(word)) list.push(Number(word));
      else fail(text, "an element");
    }
    blanks();
    if (text[at] !== ",") break;
    at++;
    blanks();
  }
  if (text[at++] !== "]") fail(text, "]");
  blanks();
  if (at < text.length) fail(text, "the end");
  for (const x of list) if (typeof x === "number" && !Number.isFinite(x)) fail(text, "finite numbers");
  return list;
}

/** The arrays of JSON: JSON.parse, with every digit of an integer. */
function jsonList(text: string): unknown[] {
  let list: unknown;
  try {
    const exact = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs, (token) =>
      /^-?\d+$/.test(token) ? `{"digits":"${token}"}` : token,
    );
    JSON.parse(text);
    list = JSON.parse(exact, (_, value) =>
      typeof value?.digits === "string" ? value.digits.replace(/^-0$/, "0") : value,
    );
  } catch {
    fail(text, "JSON");
  }
  if (!Array.isArray(list)) fail(text, "a list");
  for (const x of list) if (typeof x === "object" && x !== null) fail(text, "a list without lists");
  for (const x of list) if (typeof x === "number" && !Number.isFinite(x)) fail(text, "finite numbers");
  return list;
}

// Times.

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const LONG_MONTHS = "january february march april may june july august september october november december".split(" ");
const WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split(" ");
const DAY = 86_400_000;
const [FIRST, LAST] = [Date.parse("0001-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z")];

interface Stated {
  wall: number;
  offset: number | null;
}

function wallOf(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
  const text = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
  const midnight = Date.parse(`${text}T00:00:00Z`);
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(text);
  const inDay = 3600 * hour + 60 * minute + second;
  if (!exists || minute > 59 || second > 60 || inDay > 86_400) fail(text, "a day and a time of day");
  return midnight + 1000 * inDay;
}

function offsetOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const digits = text.replace(/[^\d]/g, "");
  if (digits === "") return 0;
  const [hours = 0, minutes = 0, seconds = 0] = digits.match(/../g)?.map(Number) ?? [];
  if (hours > 23 || minutes > 59 || seconds > 59) fail(text, "an offset");
  return (text.startsWith("-") ? -1 : 1) * (3600 * hours + 60 * minutes + seconds);
}

const OFFSET = "(Z|[+-]\\d\\d(?:\\d\\d(?:\\d\\d)?|:\\d\\d(?::?\\d\\d)?)?)";

function isoTime(text: string): Stated {
  const form = new RegExp(
    `^(\\d{4,6})[-/](\\d\\d?)[-/](\\d\\d?)(?:[T ] *(\\d\\d?):(\\d\\d)(?::(\\d\\d)(?:[.,]\\d+)?)?)? *(?:${OFFSET}|(UTC|GMT))?$`,
    "i",
  );
  const match = form.exec(text) ?? fail(text, "ISO 8601");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((x) => Number(x ?? 0));
  return { wall: wallOf(year, month, day, hour, minute, second), offset: match[8] ? 0 : offsetOf(match[7]) };
}

const DIRECTIVES: Record<string, string> = {
  ...{ Y: "(?<Y>\\d{4})", y: "(?<y>\\d\\d)", m: "(?<m>\\d\\d?)", d: "(?<d>\\d\\d?)", j: "(?<j>\\d{3})" },
  ...{ H: "(?<H>\\d\\d?)", I: "(?<I>\\d\\d?)", M: "(?<M>\\d\\d?)", S: "(?<S>\\d\\d?)", f: "\\d{1,9}" },
  ...{ p: "(?<p>[ap]m)", z: `(?<z>${OFFSET})`, "%": "%" },
  b: `(?<b>${[...LONG_MONTHS, ...MONTHS].join("|")})`,
  a: `(?:${[...WEEKDAYS, ...WEEKDAYS.map((name) => name.slice(0, 3))].join("|")})`,
};
Object.assign(DIRECTIVES, { B: DIRECTIVES.b, A: DIRECTIVES.a });

function formattedTime(text: string, format: string): Stated {
  const long: Record<string, string> = { F: "%Y-%m-%d", T: "%H:%M:%S", R: "%H:%M", D: "%m/%d/%y" };
  const source = format
    .replace(/%([FTRD])/g, (_, letter) => long[letter] ?? "")
    .replace(/%.|\s+|./gsu, (part) => {
      if (part.startsWith("%")) return DIRECTIVES[part.slice(1)] ?? fail(format, "its directives");
      return part.trim() === "" ? "\\s+" : part.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
    });
  const found = new RegExp(`^${source}$`, "i").exec(text)?.groups ?? fail(text, format);
  const number = (key: string, otherwise: number, low: number, high: number): number => {
    const x = found[key] === undefined ? otherwise : Number(found[key]);
    return x >= low && x <= high ? x : fail(text, format);
  };
  const short = number("y", 0, 0, 99);
  const year = found.y === undefined ? number("Y", 1900, 0, 9999) : short < 69 ? 2000 + short : 1900 + short;
  const name = found.b?.slice(0, 3).toLowerCase();
  const month = name === undefined ? number("m", 1, 1, 12) : MONTHS.indexOf(name) + 1;
  const half = number("I", 12, 1, 12) % 12;
  const hour = found.I === undefined ? number("H", 0, 0, 24) : half + (found.p?.toLowerCase() === "pm" ? 12 : 0);
  const [minute, second] = [number("M", 0, 0, 59), number("S", 0, 0, 60)];
  const days = number("j", 1, 1, 366) - 1;
  const wall =
    wallOf(year, found.j ? 1 : month, found.j ? 1 : number("d", 1, 1, 31), hour, minute, second) + days * DAY;
  if (found.j && new Date(wallOf(year, 1, 1) + days * DAY).getUTCFullYear() !== year) fail(text, "a day of the year");
  return { wall, offset: offsetOf(found.z) };
}

/** What the clocks of a zone show at a moment, as if it were UTC. */
function shown(moment: number, zone: string): number {
  if (!(moment >= FIRST && moment <= LAST)) fail(moment, "the years 1 to 9999");
  const second = Math.floor(moment / 1000) * 1000;
  const text = new Intl.DateTimeFormat("sv-SE", {
    ...{ timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  }).format(second);
  return Date.parse(`${text.replace(" ", "T").padStart(19, "0")}Z`) + (moment - second);
}

function timePart(raw: unknown, step: Extract<Step, { time: string }>): number | string {
  const { time, zone = "UTC", format, unit } = step;
  if (typeof raw === "boolean") fail(raw, "a time");
  let wall: number;
  if (format === undefined && (typeof raw !== "string" || NUMBER.test(raw))) {
    const x = numberOf(raw);
    if (unit === undefined && !(x >= 1e8 && x <= 1e11)) fail(raw, "seconds of 1973 to 5138");
    wall = shown(unit === "ms" ? x : 1000 * x, zone);
  } else {
    const text = textOf(raw).trim();
    if (text.length > 64) fail(text, "a time");
    const stated = format === undefined ? isoTime(text) : formattedTime(text, format);
    wall = stated.offset === null ? stated.wall : shown(stated.wall - 1000 * stated.offset, zone);
  }
  if (!(wall >= FIRST && wall <= LAST)) fail(raw, "the years 1 to 9999");
  const date = new Date(wall);
  const parts = {
    hour: date.getUTCHours(),
    weekday: ((date.getUTCDay() + 6) % 7) + 1,
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    date: date.toISOString().slice(0, 10),
  };
  return parts[time];
}

function plainStep(text: string, step: string): string {
  switch (step) {
    case "trim":
      return text.trim();
    case "spaces":
      return text.replace(WHITE, " ");
    case "lower":
      return text.toLowerCase();
    case "upper":
      return text.toUpperCase();
    default:
      for (const [run] of text.matchAll(/[\p{M}\uff9e\uff9f]+/gu)) if (run.length > 256) fail(text, "fewer marks");
      return text.normalize(step.toUpperCase());
  }
}

function one(raw: unknown, step: Step, type: string): unknown {
  if (step === "log") {
    const x = numberOf(raw);
    return Math.fround(Math.sign(x) * Math.log1p(Math.abs(x)));
  }
  if (typeof step === "string") return plainStep(stepText(raw, type), step);
  if ("missing" in step) return typeof raw !== "object" && step.missing.includes(String(raw)) ? null : raw;
  if ("decimal" in step) return typeof raw === "string" ? decimalOf(raw, step.decimal, step.thousands) : numberOf(raw);
  if ("time" in step) return timePart(raw, step);
  if ("clip" in step) return Math.min(step.clip[1], Math.max(step.clip[0], numberOf(raw)));
  if ("prefix" in step) return [...stepText(raw, type)].slice(0, step.prefix).join("");
  if ("capture" in step) return new RegExp(step.capture, "u").exec(stepText(raw, type))?.[1] ?? null;
  return raw;
}

function inTurn(raw: unknown, steps: readonly Step[], type: string): unknown {
  if (typeof raw === "string" && raw.length > LONGEST) fail(raw, "a shorter text");
  let value = raw;
  for (const step of steps) {
    if (isMissing(value)) return null;
    value = one(value, step, type);
  }
  return value;
}

/** A value as a field's steps leave it; a list of a multi-categorical field. */
export function prepared(raw: unknown, { type, prepare = [], separator }: Field): unknown {
  if (prepare.length === 0) return raw;
  if (type !== "multi-categorical") return inTurn(raw, prepare, type);
  const at = prepare.findIndex((step) => typeof step === "object" && "list" in step);
  const ofElements = prepare.slice(at + 1);
  if (Array.isArray(raw)) return raw.map((element) => inTurn(element, ofElements, type));
  if (isMissing(raw)) return null;
  if (at < 0)
    return textOf(raw)
      .split(separator)
      .map((piece) => inTurn(piece, ofElements, type));
  const cell = inTurn(raw, prepare.slice(0, at), type);
  if (isMissing(cell)) return null;
  const step = prepare[at] as { list: string };
  const list = step.list === "json" ? jsonList(textOf(cell)) : pythonList(textOf(cell));
  return list.map((element) => inTurn(element, ofElements, type));
}
