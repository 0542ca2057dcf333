import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";

const document = JSON.parse(readFileSync(new URL("../../worker/openapi.json", import.meta.url), "utf8"));

test("the OpenAPI document is valid", async () => {
  const validator = new Validator();
  expect(await validator.validate({ ...document, servers: [{ url: "/" }] })).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

test("the validator finds what is wrong with one", async () => {
  const wrong = structuredClone(document);
  wrong.paths["/v1/rank"].post.requestBody = [];
  expect((await new Validator().validate(wrong)).valid).toBe(false);
});

test("it says of each member of a body what it is", () => {
  for (const path of ["/v1/score", "/v1/rank", "/v1/explain"]) {
    const { schema } = document.paths[path].post.requestBody.content["application/json"];
    expect(schema.additionalProperties).toBe(false);
    for (const member of Object.values<{ description?: string }>(schema.properties))
      expect(member.description).toMatch(/\.$/);
  }
});
