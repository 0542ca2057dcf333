import { expect, test } from "vitest";
import { attributeText } from "../../../worker/rerank/attribute-text.ts";

test.each([
  ["plain", "plain"],
  ["a&amp;b&lt;&gt;&quot;&apos;&nbsp;", "a&b<>\"'\u00a0"],
  ["&#65;&#x1f600;&#X41;", "A😀A"],
  ["&constructor;&eacute;&Amp;&amp", "&constructor;&eacute;&Amp;&amp"],
  ["&#0;&#x110000;&#1114112;&;&#;", "&#0;&#x110000;&#1114112;&;&#;"],
])("%s reads %s", (written, text) => {
  expect(attributeText(written)).toBe(text);
});
