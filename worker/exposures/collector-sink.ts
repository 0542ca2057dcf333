import { show } from "../../format/errors.ts";
import { SettingError } from "../http/errors.ts";
import type { LineSink } from "./line-sink.ts";

/**
 * Sends lines to the collector that `deepfm-edge dev` has beside a Worker on a developer's machine: newline JSON, by a
 * POST of `<url>/exposures` or `<url>/events`, which it has written into a file when it answers. `url` is one of
 * loopback: where there is no queue, a Worker in an account says so, and sends lines of visitors nowhere. Throws
 * SettingError.
 */
export function collectorSink(url: string): LineSink {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== "http:" || !["127.0.0.1", "[::1]", "localhost"].includes(parsed.hostname))
    throw new SettingError(`LINE_COLLECTOR: got ${show(url)}, expected an http: URL of this machine, as in 127.0.0.1`);
  return {
    async send(kind, lines) {
      const headers = { "content-type": "application/x-ndjson" };
      const response = await fetch(`${url}/${kind}`, { method: "POST", headers, body: joined(lines) });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`got status ${response.status} from LINE_COLLECTOR, expected 204`);
    },
  };
}

/** Lines one after another, each with its line end. */
function joined(lines: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0));
  let end = 0;
  for (const line of lines) {
    bytes.set(line, end);
    end += line.length + 1;
    bytes[end - 1] = 0x0a;
  }
  return bytes;
}
