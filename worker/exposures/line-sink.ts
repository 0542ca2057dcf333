/** What a log is of. Each is a folder of its own where the lines end up. */
export type LineKind = "exposures" | "events";

/**
 * Where the lines of a log go. Both lines and sinks may be of any request of the isolate: what a sink holds is a
 * binding.
 */
export interface LineSink {
  /**
   * Sends lines: JSON in UTF-8, without line ends. Rejects where they may not have arrived; then they are sent again,
   * so that readers remove duplicates.
   */
  send(kind: LineKind, lines: readonly Uint8Array[]): Promise<void>;
}
