// A Worker in a workerd of its own, with nothing beside it in the process, so that the process's memory is the
// Worker's.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import * as v from "valibot";
import type { WorkerBundle } from "./bundle.ts";

export interface WorkerdOptions {
  bundle: Pick<WorkerBundle, "folder" | "compatibilityDate">;
  v8Flags: readonly string[];
  /** By name of the binding: a text. */
  texts: Readonly<Record<string, string>>;
  /** By name of the binding: host and port of a service that answers as Workers KV does. */
  kvNamespaces: Readonly<Record<string, string>>;
  /** Host and port of a server that gets all requests of `fetch`; without it none to this machine goes out. */
  outbound?: string;
  /** By name of the binding: host and port of a service that takes messages as Queues does. */
  queues?: Readonly<Record<string, string>>;
  /** Host and port of a service that answers as Cloudflare's Cache API does; without it the Worker has none. */
  cacheApi?: string;
  /** Called with each line that the Worker logs. */
  onLog: (level: string, message: string) => void;
}

/** The workerd that miniflare brings. */
const { default: binary } = createRequire(createRequire(import.meta.url).resolve("miniflare"))("workerd") as {
  default: string;
};
/** The file descriptor by which workerd tells its ports. */
const CONTROL = 3;
const HOST = "127.0.0.1";

const Listening = v.object({ event: v.literal("listen"), socket: v.string(), port: v.number() });
const LogLine = v.object({ level: v.string(), message: v.string() });

export class Workerd implements AsyncDisposable {
  readonly url: URL;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = new URL(`http://${HOST}:${port}`);
  }

  /** Starts it. Throws where workerd ends before it listens, with what it said. */
  static async start(options: WorkerdOptions): Promise<Workerd> {
    const config = join(options.bundle.folder, "workerd.capnp");
    writeFileSync(config, configOf(options));
    const child = spawn(binary, ["serve", config, "--experimental", `--control-fd=${CONTROL}`], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const said: string[] = [];
    for (const input of [child.stdout as Readable, child.stderr as Readable]) {
      createInterface({ input }).on("line", (line) => {
        const logged = asJson(LogLine, line);
        if (logged === null) said.push(line);
        else options.onLog(logged.level, logged.message);
      });
    }
    const ended = once(child, "close");
    const port = await portOf(child.stdio[CONTROL] as Readable);
    if (port !== null) return new Workerd(child, port);
    await ended;
    throw new Error(`workerd ended: ${said.join("\n")}`);
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("workerd has no process id");
    return pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** The port that workerd listens at; null where it ends before. */
async function portOf(control: Readable): Promise<number | null> {
  for await (const line of createInterface({ input: control })) {
    const listening = asJson(Listening, line);
    if (listening !== null) return listening.port;
  }
  return null;
}

function asJson<Schema extends v.GenericSchema>(schema: Schema, line: string): v.InferOutput<Schema> | null {
  try {
    const { success, output } = v.safeParse(schema, JSON.parse(line));
    return success ? output : null;
  } catch {
    return null;
  }
}

/** The configuration of workerd, in the text form of Cap'n Proto, whose strings are written as those of JSON. */
function configOf({ bundle, v8Flags, texts, kvNamespaces, queues = {}, outbound, cacheApi }: WorkerdOptions): string {
  const text = (value: string): string => JSON.stringify(value);
  const modules = [
    `(name = "index.js", esModule = embed "index.js")`,
    ...globSync("*.wasm", { cwd: bundle.folder }).map((name) => `(name = ${text(name)}, wasm = embed ${text(name)})`),
  ];
  const bindings = [
    ...Object.entries(texts).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...Object.keys(kvNamespaces).map((name) => `(name = ${text(name)}, kvNamespace = ${text(`kv:${name}`)})`),
    ...Object.keys(queues).map((name) => `(name = ${text(name)}, queue = ${text(`queue:${name}`)})`),
  ];
  const external = (name: string, address: string): string =>
    `(name = ${text(name)}, external = (address = ${text(address)}, http = ()))`;
  const services = [
    `(name = "worker", worker = .worker)`,
    ...Object.entries(kvNamespaces).map(([name, address]) => external(`kv:${name}`, address)),
    ...Object.entries(queues).map(([name, address]) => external(`queue:${name}`, address)),
    ...(outbound === undefined ? [] : [external("outbound", outbound)]),
    ...(cacheApi === undefined ? [] : [external("cache", cacheApi)]),
  ];
  const settings = [
    ...(outbound === undefined ? [] : [`globalOutbound = "outbound",`]),
    ...(cacheApi === undefined ? [] : [`cacheApiOutbound = "cache",`]),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(", ")}],
  sockets = [(name = "http", address = "${HOST}:0", http = (), service = "worker")],
  v8Flags = [${v8Flags.map(text).join(", ")}],
  logging = (structuredLogging = true),
);
const worker :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  compatibilityDate = ${text(bundle.compatibilityDate)},
  bindings = [${bindings.join(", ")}],
  ${settings.join(" ")}
);
`;
}
