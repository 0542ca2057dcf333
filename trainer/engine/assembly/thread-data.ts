import type { MessagePort } from "node:worker_threads";

/** The places in `control`: how often threads were called, and the team that they were called to. */
export const CALLS = 0;
export const TEAM = 1;

/** What a thread begins with. */
export interface ThreadData {
  control: Int32Array;
  /** Where messages of teams come, and errors go. */
  port: MessagePort;
  /** Its number in every team, from 1 on. */
  thread: number;
}

/** A team as a thread needs to know it before it is called to it for the first time; `join` is null when it is gone. */
export interface TeamMessage {
  team: number;
  join: {
    module: WebAssembly.Module;
    memory: WebAssembly.Memory;
    block: number;
    scratch: number;
    widest: number;
  } | null;
}
