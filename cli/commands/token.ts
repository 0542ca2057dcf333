import { type Command, Option } from "commander";
import { generateToken, SCOPES, type Scope, writeTokenEntry } from "../../format/tokens.ts";

export function defineToken(command: Command): void {
  command
    .argument("<name>", "whose it is, for logs and rate limits; a token that replaces another may have its name")
    .addOption(new Option("--scope <scope>", "what it allows").choices(SCOPES).default("score"))
    .action(async (name: string, { scope }: { scope: Scope }) => {
      const token = generateToken();
      const entry = await writeTokenEntry(name, scope, token);
      console.log(`token: ${token}\nentry: ${entry}\n`);
      console.log("The token is for the client, and is not shown again. The entry is for the Worker's secret TOKENS,");
      console.log("which has those of all tokens, with spaces between: npx wrangler secret put TOKENS --env=");
    });
}
