/** Errors of a pipe or a terminal at whose other end no one is left. */
const GONE = new Set(["EPIPE", "EIO"]);

/**
 * Takes the errors of stdout and stderr. A reader that has gone, as in `| head`, costs the command its output and
 * nothing else: a training goes on to its end. Results that cannot be written for another reason, such as a full disk,
 * are said, and the command ends with exit code 1.
 */
export function takeOutputErrors(): void {
  process.stderr.on("error", () => {}); // there is nowhere left to say it
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (GONE.has(error.code ?? "")) return;
    console.error(`error: the output could not be written: ${error.message}`);
    process.exit(1);
  });
}
