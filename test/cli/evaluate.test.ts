import { expect, it } from "vitest";
import { makeProgram } from "../../cli/commands/program.ts";
import { UserError } from "../../trainer/errors.ts";

// The address is checked before anything is read.

it.each([
  ["localhost:8787", "got localhost:8787, expected one like http://localhost:8787"],
  ["127.0.0.1:8787", "got 127.0.0.1:8787, expected one like http://127.0.0.1:8787"],
  ["edge.test/ctr", "got edge.test/ctr, expected one like http://edge.test/ctr"],
  ["ftp://edge.test", "got ftp://edge.test, expected one like http://127.0.0.1:8787"],
  ["http://", "got http://, expected one like http://127.0.0.1:8787"],
  ["https://me:secret@edge.test", "got one with a user or password, expected --token"],
])("evaluate refuses %s", async (url, says) => {
  const args = ["evaluate", url, "--export", "absent", "--test", "absent"];
  const run = (await makeProgram(args)).parseAsync(args, { from: "user" });
  await expect(run).rejects.toThrow(new UserError(`the Worker's address: ${says}`));
});
