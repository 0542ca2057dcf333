// npm run docs             writes docs/reference.md from the schemas, and docs/commands.md from the program
// npm run docs:check       compares them; names each file that is missing or differs, and then exits 1
import { makeProgram } from "../../cli/commands/program.ts";
import { commandsPage } from "../../testing/docs/commands.ts";
import { referencePage } from "../../testing/docs/reference.ts";
import { spaceJsonSchema, specJsonSchema } from "../../testing/format/golden.ts";
import { writeGenerated } from "./generated.ts";

process.exitCode = await writeGenerated(
  "docs",
  process.argv.slice(2),
  async () =>
    new Map([
      ["docs/reference.md", referencePage(specJsonSchema(), spaceJsonSchema())],
      ["docs/commands.md", commandsPage(await makeProgram())],
    ]),
);
