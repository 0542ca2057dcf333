// What the scoring kernel and its host agree on beside the format. Two compilers read this file, as they read
// format/constants.ts: every line is an untyped `export const NAME = integer`, and nothing else may stand here.

// One call of the kernel takes at most this many records, entries, and rows copied in from pages. A record has at most
// MAX_RECORD_ENTRIES entries (format/constants.ts), so it always fits into a call.
export const MAX_BATCH = 64;
export const MAX_ENTRIES = 16384;
export const ARENA_ROWS = 4096;

// The codes that the kernel's `load` returns.
export const LOAD_OK = 0;
export const LOAD_TOO_SHORT = 1;
export const LOAD_BAD_MAGIC = 2;
export const LOAD_BAD_VERSION = 3;
export const LOAD_BAD_LENGTH = 4;
export const LOAD_BAD_TABLE = 5;
export const LOAD_BAD_SECTION = 6;
export const LOAD_BAD_CHECKSUM = 7;
export const LOAD_BAD_MODEL = 8;
export const LOAD_BAD_ROWS = 9;
export const LOAD_BAD_LAYER = 10;
export const LOAD_NO_MEMORY = 11;
export const LOAD_BAD_ITEMS = 12;

// The codes that the kernel's other functions return.
export const CALL_OK = 0;
export const CALL_NOT_LOADED = 1;
export const CALL_BAD_COUNT = 2;
export const CALL_BAD_OFFSETS = 3;
export const CALL_BAD_ADDRESS = 4;
export const CALL_NO_CONTEXT = 5;
export const CALL_NO_ITEMS = 6;
