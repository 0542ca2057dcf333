import type { MessagePort } from "node:worker_threads";

/** The places in `control`: how often threads were called, and the team that they were called to. */
export const CALLS = 0;
export const TEAM = 1;

/** What a thread begins with. */
export interface ThreadData {
  control: Int32Array;
  /** Where messages of teams come, and an error goes. */
  port: MessagePort;
  /** Its number in every team, from 1 on. */
  thread: number;
}

/** What a thread has to know of a team before it is called to it for the first time. */
export interface TeamMessage {
  team: number;
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** As the arguments of `follow` in assembly/train/team.ts. */
  block: number;
  scratch: number;
  widest: number;
}
