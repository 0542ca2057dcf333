import { confirm, isCancel } from "@clack/prompts";
import { Cancelled } from "./faults.ts";

/** Asks in a terminal whether to go on; where there is nobody to ask, the answer is no. */
export async function askToGoOn(message: string): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return false;
  const answer = await confirm({ message, initialValue: false, output: process.stderr });
  if (isCancel(answer)) throw new Cancelled();
  return answer;
}
