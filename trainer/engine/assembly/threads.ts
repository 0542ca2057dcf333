import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { CALLS, TEAM, type TeamMessage, type ThreadData } from "./thread-data.ts";

// The threads of this process that help its engines, one engine at a time. They are started when an engine first needs
// them and stay; idle ones sleep, and keep no process from ending.

/** What an engine has that threads can be called to. */
export interface Callable {
  readonly id: number;
  /** Changes when threads have to be told anew what they know of it. */
  readonly version: number;
  /** Threads that it needs besides the calling one. */
  readonly helpers: number;
  /** What threads have to know of it. */
  readonly message: TeamMessage;
  /** Lets threads work that come by this call; by 0 none. */
  setCall(call: number): void;
}

interface Helper {
  worker: Worker;
  port: MessagePort;
  /** The teams that it knows, with their versions. */
  teams: Map<number, number>;
}

// A file's name ends otherwise where it is compiled.
const SCRIPT = new URL(`./thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

const control = new Int32Array(new SharedArrayBuffer(8));
let helpers: Helper[] = [];
let called: Callable | null = null;
let failure: string | null = null;

/** A thread keeps the memory of each team that it knows, and collects no garbage while it sleeps: others take over. */
const gone = new FinalizationRegistry((id: number) => {
  if (!helpers.some(({ teams }) => teams.has(id))) return;
  dismissThreads();
  const old = helpers;
  helpers = [];
  for (const { worker } of old) void worker.terminate();
});

/** Has the threads let go of a team's memory when `team`, the object by which it lives, is gone. */
export function watchTeam(team: object, id: number): void {
  gone.register(team, id);
}

/** Calls threads to a team, away from any other. Throws where a thread has failed. */
export function callThreads(team: Callable): void {
  if (failure !== null) throw threadError(failure);
  if (called === team) return;
  dismissThreads();
  while (helpers.length < team.helpers) helpers.push(start(helpers.length + 1));
  for (const { port, teams } of helpers.slice(0, team.helpers)) {
    if (teams.get(team.id) === team.version) continue;
    teams.set(team.id, team.version);
    port.postMessage(team.message);
  }
  called = team;
  // A thread reads these in the other order: by a call it comes to that call's team, or to none.
  const call = Atomics.load(control, CALLS) + 1;
  team.setCall(call);
  Atomics.store(control, TEAM, team.id);
  Atomics.store(control, CALLS, call);
  Atomics.notify(control, CALLS);
}

/** Sends the threads away from the team that they were called to last, or if it is this one. */
export function dismissThreads(from: Callable | null = called): void {
  if (from !== called) return;
  called?.setCall(0);
  called = null;
}

/** The error of a thread that a leader has waited for in vain. */
export function lostThreadError(): Error {
  for (const { port } of helpers) failure ??= errorAt(port);
  failure ??= "it has not answered for more than a minute";
  return threadError(failure);
}

function threadError(text: string): Error {
  return new Error(`a thread of the engine failed: ${text}`);
}

/** What a thread has said before it ended; null where it said nothing. */
function errorAt(port: MessagePort): string | null {
  const got = receiveMessageOnPort(port);
  return got ? String(got.message) : null;
}

function start(thread: number): Helper {
  const { port1: port, port2 } = new MessageChannel();
  const workerData: ThreadData = { control, port: port2, thread };
  // Flags of this process, such as one to read a program from standard input, are not for its threads.
  const worker = new Worker(SCRIPT, { workerData, transferList: [port2], execArgv: [] });
  const helper: Helper = { worker, port, teams: new Map() };
  worker.on("error", (error) => {
    failure ??= error.stack ?? String(error);
  });
  worker.on("exit", (code) => {
    if (helpers.includes(helper)) failure ??= errorAt(port) ?? `it ended with code ${code}`;
  });
  worker.unref();
  port.unref();
  return helper;
}
