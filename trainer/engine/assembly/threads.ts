import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { CALLS, TEAM, type TeamMessage, type ThreadData } from "./thread-data.ts";

// The threads of this process that help its engines, one engine at a time. They are started when an engine first needs
// them and stay; idle ones sleep, and keep no process from ending.

/** What an engine has that threads can be called to. */
export interface Callable {
  readonly id: number;
  /** Threads that it needs besides the calling one. */
  readonly helpers: number;
  /** What threads have to know of it. */
  readonly message: TeamMessage;
  setOpen(open: boolean): void;
}

interface Helper {
  port: MessagePort;
  /** The teams that it knows. */
  teams: Set<number>;
}

// A file's name ends otherwise where it is compiled.
const SCRIPT = new URL(`./thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

const control = new Int32Array(new SharedArrayBuffer(8));
const helpers: Helper[] = [];
let called: Callable | null = null;
let failure: string | null = null;

/** Tells threads to forget a team that is gone. */
const forgotten = new FinalizationRegistry((id: number) => {
  for (const { port, teams } of helpers) if (teams.delete(id)) port.postMessage({ team: id, join: null });
});

/** Has the threads know when a team is gone. `team`: the object by which it lives. */
export function watchTeam(team: object, id: number): void {
  forgotten.register(team, id);
}

/** Calls threads to a team, away from any other. Throws where a thread has failed. */
export function callThreads(team: Callable): void {
  checkThreads();
  if (called === team) return;
  dismissThreads();
  while (helpers.length < team.helpers) helpers.push(start(helpers.length + 1));
  for (const { port, teams } of helpers.slice(0, team.helpers)) {
    if (teams.has(team.id)) continue;
    teams.add(team.id);
    port.postMessage(team.message);
  }
  called = team;
  team.setOpen(true);
  Atomics.store(control, TEAM, team.id);
  Atomics.add(control, CALLS, 1);
  Atomics.notify(control, CALLS);
}

/** Sends the threads away from the team that they were called to last. */
export function dismissThreads(): void {
  called?.setOpen(false);
  called = null;
}

/** Throws where a thread has failed or ended. `lost`: whether the leader waits for one in vain. */
export function checkThreads(lost = false): void {
  for (const { port } of helpers) {
    const got = receiveMessageOnPort(port);
    if (got) failure ??= String(got.message);
  }
  if (lost) failure ??= "it has not answered for more than a minute";
  if (failure !== null) throw new Error(`a thread of the engine failed: ${failure}`);
}

function start(thread: number): Helper {
  const { port1, port2 } = new MessageChannel();
  const data: ThreadData = { control, port: port2, thread };
  // Flags of this process, such as one to read a program from standard input, are not for its threads.
  const worker = new Worker(SCRIPT, { workerData: data, transferList: [port2], execArgv: [] });
  worker.on("error", (error) => {
    failure ??= error.stack ?? String(error);
  });
  worker.on("exit", (code) => {
    failure ??= `it ended with code ${code}`;
  });
  worker.unref();
  port1.unref();
  return { port: port1, teams: new Set() };
}
