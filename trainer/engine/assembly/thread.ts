// A thread that helps engines to compute. It waits until an engine calls, and computes parts of that one's commands
// until it is sent away (assembly/train/team.ts).
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { CALLS, TEAM, type TeamMessage, type ThreadData } from "./thread-data.ts";

/** The exports of a module that a member of a team needs. */
interface MemberKernels {
  follow(block: number, scratch: number, widest: number, thread: number): void;
  work(call: number): void;
  fail(): void;
}

const { control, port, thread } = workerData as ThreadData;
const teams = new Map<number, MemberKernels>();

function readMessages(from: MessagePort): void {
  for (let got = receiveMessageOnPort(from); got; got = receiveMessageOnPort(from)) {
    const { team, module, memory, block, scratch, widest } = got.message as TeamMessage;
    const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as MemberKernels;
    kernels.follow(block, scratch, widest, thread);
    teams.set(team, kernels);
  }
}

for (let calls = 0; ; ) {
  Atomics.wait(control, CALLS, calls);
  calls = Atomics.load(control, CALLS);
  readMessages(port);
  const kernels = teams.get(Atomics.load(control, TEAM));
  try {
    kernels?.work(calls);
  } catch (error) {
    port.postMessage((error as Error).stack);
    kernels?.fail();
    break;
  }
}
