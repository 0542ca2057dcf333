import { describe, expect, it, test } from "vitest";
import { Pattern } from "../../../format/prepare/pattern.ts";
import { parsePattern } from "../../../format/prepare/pattern-syntax.ts";
import { seeded } from "../../../testing/format/random.ts";

describe("a pattern captures what ECMAScript's regular expression does", () => {
  const texts = ["", "a", "ab", "ab-cd", "-cd", "aab", "x=1;y=22", "2024-01-02", "😀a", "\ud83d", "a\nb", "a\u2028b"];
  test.each([
    ...["^(\\w+)-", "(a*)b", "(a|ab)(?:c|bcd|-|$)", "(?:(?:a|b)+?)(.*)$", "([^-]*)-([^-]*)".replace("-([^-]*)", "-")],
    ...[
      "(.)",
      "^.(.)",
      "y=(\\d+)",
      "^\\d{4}-(\\d\\d)",
      "(a{2,3}?)",
      "(\\s)",
      "([\\u{1F600}-\\u{1F64F}])",
      "([\\d\\-]+)",
    ],
    ...[
      "(?:b|(a))",
      "()a",
      "(a?)$",
      "(?:^|-)(.{1,2})",
      "([^\\W\\d]+)",
      "(?:x|)(a)",
      "(\\x61\\u0062)",
      "[^a](b)",
      "(/)",
    ],
  ])("%s", (source) => {
    const [pattern, expression] = [new Pattern(source), new RegExp(source, "u")];
    for (const text of texts) expect(pattern.capture(text), text).toBe(expression.exec(text)?.[1] ?? null);
  });

  it("of random patterns on random texts", () => {
    const random = seeded(5);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const atom = (depth: number): string =>
      depth > 0 && random() < 0.4
        ? `(?:${choice(depth - 1)})`
        : pick(["a", "b", "c", ".", "[ab]", "[^a]", "\\w", "\\d", "^", "$", "-"]);
    const repeated = (depth: number): string => {
      const one = atom(depth);
      return one === "^" || one === "$"
        ? one
        : one + pick(["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}"]);
    };
    const sequence = (depth: number): string =>
      Array.from({ length: Math.floor(random() * 4) }, () => repeated(depth)).join("");
    const choice = (depth: number): string =>
      random() < 0.3 ? `${sequence(depth)}|${sequence(depth)}` : sequence(depth);
    let tried = 0;
    for (let i = 0; i < 4000; i++) {
      const source = `${sequence(2)}(${choice(2)})${sequence(2)}`;
      if (parsePattern(source).problem !== null) continue; // what is repeated can be empty
      const [pattern, expression] = [new Pattern(source), new RegExp(source, "u")];
      for (let j = 0; j < 8; j++) {
        const text = Array.from({ length: Math.floor(random() * 9) }, () => pick([..."aabbc-1😀"])).join("");
        expect(pattern.capture(text), `${source} on ${text}`).toBe(expression.exec(text)?.[1] ?? null);
        tried++;
      }
    }
    expect(tried).toBeGreaterThan(5000);
  });
});

describe("a pattern is refused", () => {
  it.each([
    ["a", "got a pattern with 0 groups, expected one: (?: ) groups without one"],
    ["(a)(b)", "got a pattern with 2 groups, expected one: (?: ) groups without one"],
    ["(a", "got the end of the pattern at character 3, expected ) that ends the group"],
    ["(a))", 'got ")" at character 4, expected the end of the pattern, as no group is open'],
    ["(a)+", 'got the group repeated in "(a)+", expected it once: repeat what is in it'],
    ["(?:x(a))?", 'got the group repeated in "(?:x(a))?", expected it once: repeat what is in it'],
    ["(?:a*)*(b)", 'got "(?:a*)*", which repeats what can be empty, expected at least a character each time'],
    ["(?:a|)+(b)", 'got "(?:a|)+", which repeats what can be empty, expected at least a character each time'],
    ["^*(b)", 'got "*(b)" at character 2, expected no repetition of ^ and $'],
    ["(?=a)(b)", 'got "?=a)(b)" at character 2, expected ( or (?: as groups, without names, flags and assertions'],
    ["(?<n>b)", 'got "?<n>b)" at character 2, expected ( or (?: as groups, without names, flags and assertions'],
    ["(a)\\1", 'got "1" at character 5, expected d, D, w, W, s, S, t, n, r, f, v, x41, u0041, u{41} or a character'],
    ["(\\b)", 'got "b)" at character 3, expected d, D'],
    ["(\\u{110000})", 'got "u{110000})" at character 3'],
    ["(\\ud83d)", 'got "ud83d)" at character 3'],
    ["([z-a])", 'got "])" at character 6, expected a range from a character to a later one'],
    ["([\\d-z])", "expected a range from a character to a later one"],
    ["([])", "expected characters in a class"],
    ["([[:alpha:]])", "expected ] that ends the class, with \\ before a [ in it"],
    ["([a", "expected ] that ends the class"],
    ["(a{2,1})", "got the repetition {2,1}, expected the smaller number first"],
    ["(a{x})", "expected a number of repetitions"],
    ["(a{2)", "expected } that ends the number of repetitions"],
    ["*(a)", 'got "*(a)" at character 1, expected a character, a class or a group, with \\ before what has a meaning'],
    ["(a{})", "expected a number of repetitions"],
    ["(a\\", "got the end of the pattern at character 4, expected a character after \\"],
    ["(\\w{257})", "got a pattern of more than 256 instructions, expected fewer repetitions"],
    ["(?:(?:a{99}){99}){99}(b)", "got a pattern of more than 256 instructions"],
    [`(${"a".repeat(256)})`, "got a pattern of 258 characters, expected at most 256"],
  ])("%s", (source, problem) => {
    expect(parsePattern(source).problem).toContain(problem);
  });
});

test("a text is matched in time that is linear in it: a backtracking engine would not end", () => {
  const text = "a".repeat(40_000);
  for (const source of ["(?:a|a|aa)+(c)", "(?:a+a+)+(b)", "(.*.*.*)c", "(?:a{1,9}){1,9}(c)", `${"a?".repeat(99)}(c)`])
    expect(new Pattern(source).capture(text), source).toBeNull();
});
