// Damages JSON text. Most of the results are still JSON, so that they get to what reads the values.
import { integer, pick } from "../format/random.ts";

type Random = () => number;

const DEEP = 8000;

/** What is put in place of a value or of an object's key (then it is no JSON), or between two characters. */
const VALUES = [
  ...[
    "null",
    "true",
    "false",
    "{}",
    "[]",
    '""',
    '"x"',
    '"own"',
    '"__proto__"',
    '"constructor"',
    '"\\ud800"',
    '"\\u0000"',
  ],
  ...["0", "-0", "-1", "1", "1.5", "4", "257", "1024", "1025", "4097", "2147483648", "2147483649", "9007199254740993"],
  ...["1e400", "-1e400", "1e-400", "3.5e38", "1e308", "NaN", "0x1", "01", "1e"],
  ...[
    '{"toString":0}',
    '{"valueOf":null,"toString":null}',
    '{"length":3}',
    '{"__proto__":[]}',
    '{"constructor":1,"f0":2}',
  ],
  ...["[1,2,3]", "[3,2,1]", "[null]", "[[1]]", '["a","b","c","d","e","f"]'],
];

/** Deeper and longer than any recursion or buffer is made for. */
const LARGE = [
  ...["[".repeat(DEEP) + "]".repeat(DEEP), `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`, `"${"y".repeat(DEEP)}"`],
];

const TOKENS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "\\u",
  "\0",
  "\ufeff",
  "\ud800",
  "\u{1f600}",
  " ",
  "\n",
  "e",
  "-",
];

const VALUE = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|\{\}|\[\]/g;

function anyValue(random: Random): string {
  return pick(random, random() < 0.005 ? LARGE : VALUES);
}

/** A changed copy of a JSON text, as bytes. */
export function damagedJson(bytes: Uint8Array, random: Random): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(random() < 0.7 ? otherValue(text, random) : otherText(text, random));
}

/** Changes one value, key or pair of values. */
function otherValue(text: string, random: Random): string {
  const places = [...text.matchAll(VALUE)].map(({ index, 0: { length } }) => [index, index + length] as const);
  if (places.length === 0) return anyValue(random);
  const [from, to] = pick(random, places);
  const way = random();
  const [otherFrom, otherTo] = pick(random, places);
  const value = way < 0.7 ? anyValue(random) : text.slice(otherFrom, otherTo);
  return text.slice(0, from) + value + text.slice(to);
}

/** Removes, repeats or inserts characters. */
function otherText(text: string, random: Random): string {
  const at = integer(random, 0, text.length);
  const end = Math.min(text.length, at + integer(random, 1, random() < 0.7 ? 4 : 200));
  const way = random();
  if (way < 0.3) return text.slice(0, at) + text.slice(end);
  if (way < 0.6) return text.slice(0, end) + text.slice(at);
  if (way < 0.8) return text.slice(0, at) + pick(random, TOKENS) + text.slice(at);
  if (way < 0.95) return text.slice(0, at) + anyValue(random) + text.slice(at);
  return text.slice(0, at);
}
