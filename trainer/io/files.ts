import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../errors.ts";

/** Writes a whole file or none: under another name first, then renamed. Makes the folder. Throws UserError. */
export function writeWhole(path: string, content: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporary, content, { flush: true });
    renameSync(temporary, path);
  } catch (error) {
    if (existsSync(temporary)) rmSync(temporary);
    throw systemFault(path, error);
  }
}

/** Writes a file that its owner alone may read, and that must be new. Throws UserError. */
export function writeSecret(path: string, content: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { flag: "wx", mode: 0o600, flush: true });
  } catch (error) {
    throw systemFault(path, error);
  }
}

/**
 * The error to throw for one that came up while `path` was written. What the system refuses, such as room on the disk,
 * the user can mend: that becomes a UserError. Any other error stays as it is.
 */
export function systemFault(path: string, error: unknown): unknown {
  if (!(error instanceof Error && "syscall" in error)) return error;
  return new UserError(`${path}: not written: ${error.message}`, { cause: error });
}

/** JSON as people read it. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
