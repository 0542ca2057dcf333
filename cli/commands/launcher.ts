/**
 * Ends this process where the one that launched it, bin.js under another Node, was killed: no one waits for the command
 * any more. It does nothing where this process was started by hand.
 */
export function endWithLauncher(): void {
  if (process.channel === undefined) return;
  process.once("disconnect", () => process.exit(1));
  process.channel.unref(); // the command's own end is not kept waiting
}
