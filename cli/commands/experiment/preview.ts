import { Command, InvalidArgumentError, Option } from "commander";
import { readMacKeys } from "../../../format/mac.ts";
import { PREVIEW_PARAMETER, writePreview } from "../../../format/preview.ts";
import { decimalOf } from "../../../trainer/terminal/number-option.ts";

const SECONDS_PER_DAY = 86_400;

interface PreviewFlags {
  secrets?: string;
  days: number;
}

export function previewCommand(): Command {
  const secrets = new Option("--secrets <text>", "the Worker's EXPERIMENT_SECRETS, the first of which signs").env(
    "EXPERIMENT_SECRETS",
  );
  return new Command("preview")
    .description(
      "Print the parameter of a URL with which whoever follows it sees one arm. Lists so seen are not counted.",
    )
    .argument("<name>", "the experiment")
    .argument("<arm>", "the arm")
    .addOption(secrets)
    .option("--days <number>", "how long it lasts", readDays, 7)
    .action(async (experiment: string, arm: string, { secrets: text = "", days }: PreviewFlags) => {
      const [key] = readMacKeys(text, "EXPERIMENT_SECRETS");
      const value = writePreview(key, { experiment, arm }, Date.now() / 1000 + days * SECONDS_PER_DAY);
      console.log(String(new URLSearchParams({ [PREVIEW_PARAMETER]: value })));
    });
}

function readDays(text: string): number {
  const days = decimalOf(text);
  if (days > 0 && days <= 365) return days;
  throw new InvalidArgumentError("expected a number of days above 0, and 365 at most");
}
