// The checks under which all tests run can fail: that of test/no-tokens.ts, and that of `npm test` over its output.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, it, vi } from "vitest";
import { generateToken } from "../../format/tokens.ts";
import { runScanned } from "../../testing/scanned-process.ts";
import { foundTokens, TokenScan, watchConsole } from "../../testing/tokens.ts";

const token = generateToken();

/** A program that prints in two parts, with a pause between, what `env` has as PRINTED. */
const PRINT = `const { PRINTED, AT, TO } = process.env;
process[TO].write(PRINTED.slice(0, AT), () => setTimeout(() => process[TO].write(PRINTED.slice(AT)), 50));`;
const printing = (to: "stdout" | "stderr", printed: string, at = 20) => ({
  ...process.env,
  ...{ PRINTED: printed, AT: String(at), TO: to },
});

it.each(["stdout", "stderr"] as const)("a token that a process prints to %s in two parts is found", async (to) => {
  const child = spawn(process.execPath, ["-e", PRINT], { env: printing(to, `a line: ${token}\n`) });
  expect(await text(child[to])).toBe(`a line: ${token}\n`);
  expect(foundTokens()).toEqual(["a line: dfe_…"]);
});

it("a token that a process prints while all waits for it is found, also where it fails", () => {
  const env = printing("stdout", token);
  expect(spawnSync(process.execPath, ["-e", PRINT], { env }).status).toBe(0);
  execFileSync(process.execPath, ["-e", PRINT], { env });
  const fail = `console.error(process.env.PRINTED); process.exit(1)`;
  expect(() => execFileSync(process.execPath, ["-e", fail], { env, stdio: "pipe" })).toThrow();
  expect(foundTokens()).toEqual(["dfe_…", "dfe_…", "dfe_…"]);
});

it("a token in a line of the log, in an error and in an answer is found", async () => {
  // Watched again, so that what they write to is silent.
  const writes = (["info", "error"] as const).map((method) => vi.spyOn(console, method).mockImplementation(() => {}));
  watchConsole();
  console.info(`{"token":"${token}"}`);
  console.error(new Error(token));
  for (const write of writes) write.mockRestore();
  expect(foundTokens()).toEqual(['{"token":"dfe_…', "Error: dfe_…"]);
  const server = createServer((_, response) => response.setHeader("x-token", token).end(`{"a":"${token}"}`));
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await (await fetch(url)).json()).toEqual({ a: token });
    expect(foundTokens()).toHaveLength(2);
    expect(await (await fetch(url)).text()).toContain(token);
    expect(foundTokens()).toHaveLength(2);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

it("a run of all tests hands on what is printed, and finds tokens in it", async () => {
  const printed: string[] = [];
  const sink = () =>
    new Writable({
      write(chunk, _, done) {
        printed.push(String(chunk));
        done();
      },
    });
  const out = { stdout: sink(), stderr: sink(), cwd: process.cwd() };
  const run = (printed: string) =>
    runScanned(process.execPath, ["-e", `${PRINT}; process.exitCode = 3`], {
      ...out,
      env: printing("stderr", printed),
    });
  expect(await run(`one ${token}`)).toEqual({ status: 3, tokens: ["one dfe_…"] });
  expect(await run("dfe_… is no token")).toEqual({ status: 3, tokens: [] });
  expect(printed.join("")).toBe(`one ${token}dfe_… is no token`);
  foundTokens();
});

it("a token is found once, wherever its text is cut in two", () => {
  const line = `before ${token} after`;
  for (let at = 0; at <= line.length; at++) {
    const scan = new TokenScan();
    scan.add(line.slice(0, at));
    scan.add(line.slice(at));
    expect(scan.found, `cut at ${at}`).toHaveLength(1);
  }
});
