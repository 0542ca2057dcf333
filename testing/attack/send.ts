// Sends requests, well-formed ones and broken ones, and reads what comes back.
import { type Agent, request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";

/** A request that is sent whole. */
export interface WholeRequest {
  method: string;
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array | string;
  /** Sent in chunks, so that no header states the length. Default: false. */
  chunked?: boolean;
}

/** What is written to a connection, byte by byte as it is. */
export interface BrokenRequest {
  /** The parts, one after the other. */
  parts: readonly (Uint8Array | string)[];
  /** Milliseconds between two parts. */
  pauseMs: number;
  /** What happens after the last part: the connection is reset, or half closed, or stays open for an answer. */
  end: "reset" | "close" | "wait";
}

export interface Answer {
  /** null: the connection ended without an answer. */
  status: number | null;
  headers: Readonly<Record<string, string | undefined>>;
  body: string;
}

const NO_ANSWER: Answer = { status: null, headers: {}, body: "" };
/** An answer that takes longer counts as none. */
const PATIENCE_MS = 120_000;

/** Sends a request, anew where it was sent into a connection that the server was closing after the one before. */
export async function sendWhole(url: URL, agent: Agent, request: WholeRequest): Promise<Answer> {
  for (;;) {
    const answer = await sendOnce(url, agent, request);
    if (answer !== null) return answer;
  }
}

/** Null where the connection was one that had been used, and was closed without an answer. */
function sendOnce(
  url: URL,
  agent: Agent,
  { method, path, headers, body, chunked }: WholeRequest,
): Promise<Answer | null> {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return new Promise((resolve) => {
    const length = bytes && !chunked ? { "content-length": String(bytes.length) } : {};
    const request = httpRequest(
      {
        host: url.hostname,
        port: url.port,
        method,
        path,
        agent,
        headers: { ...length, ...headers },
        timeout: PATIENCE_MS,
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", () => resolve(NO_ANSWER));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? null,
            headers: response.headers as Answer["headers"],
            body: Buffer.concat(parts).toString(),
          }),
        );
      },
    );
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", (error: NodeJS.ErrnoException) =>
      resolve(request.reusedSocket && error.code === "ECONNRESET" ? null : NO_ANSWER),
    );
    request.end(bytes);
  });
}

export async function sendBroken(url: URL, { parts, pauseMs, end }: BrokenRequest): Promise<Answer> {
  const socket = connect(Number(url.port), url.hostname);
  let text = "";
  socket.setEncoding("latin1");
  socket.on("data", (part: string) => {
    text += part;
  });
  const over = new Promise<void>((resolve) => {
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  const patience = setTimeout(() => socket.destroy(), PATIENCE_MS);
  await Promise.race([write(socket, parts, pauseMs), over]);
  if (end === "reset") socket.resetAndDestroy();
  else if (end === "close") socket.end();
  await over;
  clearTimeout(patience);
  return parse(text);
}

async function write(socket: Socket, parts: BrokenRequest["parts"], pauseMs: number): Promise<void> {
  for (const [i, part] of parts.entries()) {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (socket.destroyed) return;
    await new Promise((resolve) => socket.write(part, resolve));
  }
}

/** Parses an answer after which the connection was closed. */
function parse(text: string): Answer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  if (status === undefined) return NO_ANSWER;
  const headers = Object.fromEntries(
    head
      .split("\r\n")
      .slice(1)
      .map((line) => [line.replace(/:.*/, "").toLowerCase(), line.replace(/^[^:]*:\s*/, "")]),
  );
  return { status: Number(status), headers, body: unchunk(headers, rest.join("\r\n\r\n")) };
}

function unchunk(headers: Answer["headers"], body: string): string {
  if (headers["transfer-encoding"] !== "chunked") return body;
  let text = "";
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, line), 16);
    if (line < 0 || !(size > 0)) break;
    text += body.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
  return text;
}
