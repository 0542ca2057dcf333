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

// The plan by which the kernel encodes records from their JSON: columns, then fields, then the columns' names. Where a
// column has its name, as an offset within the plan, and which side its fields are of.
export const PLAN_COLUMN_BYTES = 12;
export const PLAN_NAME = 0;
export const PLAN_NAME_BYTES = 4;
export const PLAN_COLUMN_SIDE = 8;
// What a field has: the number of its column, how its value becomes entries, the buckets of a hashed one, whether a
// missing value has an entry and the key of a missing one, what its texts are hashed with (the twelve words of
// Chaskey's key, or the seed of MurmurHash3), whether pages may have its rows, and whether its unseen values count.
export const PLAN_FIELD_BYTES = 88;
export const PLAN_FIELD_COLUMN = 0;
export const PLAN_FIELD_SIDE = 4;
export const PLAN_FIELD_KIND = 8;
export const PLAN_BUCKETS = 12;
export const PLAN_HAS_MISSING = 16;
export const PLAN_MISSING_KEY = 24;
export const PLAN_HASH_KEY = 32;
export const PLAN_IN_PAGES = 80;
export const PLAN_COUNTS_UNSEEN = 84;
// How a field's value becomes entries: one of its text; one of its text's bucket; or as the host makes them.
export const FIELD_OF_TEXT = 0;
export const FIELD_OF_BUCKET = 1;
export const FIELD_OF_HOST = 2;
// Beside SIDE_CONTEXT and SIDE_ITEM: fields of both sides.
export const ANY_SIDE = 2;

// Bytes of JSON that the kernel takes at a time. Elements of lists that are longer are left to the host.
export const TEXT_BYTES = 32768;

// The member of a record that is a column's value: its kind, where its text begins and ends, and its number as a
// float64.
export const MEMBER_BYTES = 24;
export const MEMBER_START = 4;
export const MEMBER_END = 8;
export const MEMBER_NUMBER = 16;
// Its kinds: none; a text, null and "" included, without its quotes; a whole number, whose bytes are its canonical
// text; another number; true or false, as its bytes say.
export const MEMBER_ABSENT = 0;
export const MEMBER_TEXT = 1;
export const MEMBER_WHOLE = 2;
export const MEMBER_DECIMAL = 3;
export const MEMBER_BOOLEAN = 4;
