import { InvalidArgumentError, Option } from "commander";

/** The option that says how many units an experiment is for, as a share or in per cent. */
export function coverageOption(): Option {
  return new Option("--coverage <share>", "the share of units that are in it: 0.1 or 10%")
    .argParser(readShare)
    .makeOptionMandatory();
}

function readShare(text: string): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim()) ?? [];
  const share = Number(number) / (percent ? 100 : 1);
  if (share > 0 && share <= 1) return share;
  throw new InvalidArgumentError("expected a share above 0, and 1 at most, such as 0.1 or 10%");
}
