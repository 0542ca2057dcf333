// Read by two compilers: TypeScript and AssemblyScript. So every line is an untyped `export const NAME = integer`,
// and nothing else may stand here. FORMAT.md gives each number its meaning.

// The model blob: a header, a section table, and the sections. The first part of the header is the envelope, with the
// digest of all that follows it and its signature.
export const BLOB_MAGIC = 0x4d454644; // "DFEM"
export const BLOB_VERSION = 8;
export const OLDEST_BLOB_VERSION = 4; // the oldest that readers take
export const KEYED_BLOB_VERSION = 6; // the first with a hash key and a filter of rows
export const PREPARED_BLOB_VERSION = 7; // the first whose fields are prepared, crossed and come from other columns
export const SPLINE_BLOB_VERSION = 7; // the first with splines
export const CALIBRATED_BLOB_VERSION = 7; // the first with a calibration map
export const SERIAL_BLOB_VERSION = 8; // the first whose signature covers a serial number
export const HOT_PAGES_BLOB_VERSION = 8; // the first that lists its hottest pages
export const ITEM_PAGES_BLOB_VERSION = 8; // the first whose items may be entries, and in pages
export const BLOB_HEADER_MAGIC = 0;
export const BLOB_HEADER_VERSION = 4;
export const BLOB_HEADER_LENGTH = 8;
export const BLOB_HEADER_KEY_ID = 16;
export const BLOB_HEADER_DIGEST = 32;
export const BLOB_HEADER_SIGNATURE = 64;
export const BLOB_ENVELOPE_BYTES = 128;
export const BLOB_HEADER_SECTION_COUNT = 128;
export const BLOB_HEADER_TABLE_CHECKSUM = 136;
export const BLOB_HEADER_SERIAL = 144;
export const BLOB_HEADER_BYTES = 192;

export const SECTION_ENTRY_ID = 0;
export const SECTION_ENTRY_OFFSET = 4;
export const SECTION_ENTRY_SIZE = 8;
export const SECTION_ENTRY_CHECKSUM = 16;
export const SECTION_ENTRY_BYTES = 32;
export const SECTION_ALIGNMENT = 64;

export const SECTION_SPEC = 1;
export const SECTION_MODEL = 2;
export const SECTION_BUCKETS = 3;
export const SECTION_KEYS = 4;
export const SECTION_ROWS = 5;
export const SECTION_PAGES = 6;
export const SECTION_DENSE = 7;
export const SECTION_EVIDENCE = 8;
export const SECTION_GOLDEN = 9;
export const SECTION_ITEM_KEYS = 10;
export const SECTION_ITEMS = 11;
export const SECTION_FILTER = 12; // from format 6 on
export const SECTION_COUNT = 12;
export const OLD_SECTION_COUNT = 11; // of formats 4 and 5

// The MODEL section: a fixed head, then one entry per layer, then each field's side.
export const MODEL_FIELDS = 0;
export const MODEL_EMBEDDING_DIM = 4;
export const MODEL_ROW_TYPE = 8;
export const MODEL_ROW_COUNT = 12;
export const MODEL_BUCKET_BITS = 16;
export const MODEL_PAGE_COUNT = 20;
export const MODEL_TERMS = 24;
export const MODEL_BIAS = 28;
export const MODEL_LAYER_COUNT = 32;
export const MODEL_OUTPUT_WIDTH = 36;
export const MODEL_OUTPUT_WEIGHTS = 40;
export const MODEL_FM_DIM = 44;
export const MODEL_MLP_FROM = 48;
export const MODEL_PRODUCTS = 52;
export const MODEL_INNER_SCALE = 56;
export const MODEL_OUTER_SCALE = 60;
export const MODEL_CONTEXT_LAYERS = 64;
export const MODEL_ITEM_LAYERS = 68;
export const MODEL_ITEM_FIELD = 72;
export const MODEL_ITEM_COUNT = 76;
export const MODEL_ITEM_FORM = 80; // this and the two below from format 8 on
export const MODEL_ITEM_PAGES = 84;
export const MODEL_ITEM_FILTER_BLOCKS = 88;
export const MODEL_HEAD_BYTES = 128;

export const LAYER_INPUTS = 0;
export const LAYER_OUTPUTS = 4;
export const LAYER_WEIGHT_TYPE = 8;
export const LAYER_ACTIVATION = 12;
export const LAYER_WEIGHTS = 16;
export const LAYER_SCALES = 20;
export const LAYER_BIASES = 24;
export const LAYER_INPUT_INVERSE_SCALE = 28;
export const LAYER_INPUT_ZERO = 32;
export const LAYER_ENTRY_BYTES = 64;

// Types of rows. The first two are types of layers too.
export const TYPE_F32 = 0;
export const TYPE_I8 = 1;
export const TYPE_F16 = 2;
export const TYPE_I4 = 3;

export const ACTIVATION_NONE = 0;
export const ACTIVATION_RELU = 1;
export const ACTIVATION_TANH = 2;
export const ACTIVATION_SIGMOID = 3;

// The terms that the logit sums, at least one. TERM_TOWERS goes neither with TERM_FM nor with TERM_MLP.
export const TERM_LINEAR = 1;
export const TERM_FM = 2;
export const TERM_MLP = 4;
export const TERM_TOWERS = 8;
export const TERM_ALL = 15;

// The products of embeddings that the MLP's first layer takes beside the embeddings.
export const PRODUCT_INNER = 1;
export const PRODUCT_OUTER = 2;
export const PRODUCT_ALL = 3;

// A precomputed item's record: its part of the logit, then the vectors that are added to a context's, or multiplied by
// them.
export const ITEM_LOGIT = 0;
export const ITEM_VECTORS = 16;

// What an item's record is: precomputed sums, or the entries of its fields.
export const ITEM_SUMS = 0;
export const ITEM_ENTRIES = 1;

// A record of entries: a word with the number of entries, that of rows and a flag for values; a word an entry, with its
// field and the number of its row; the values; the rows. The rows of the record have the highest numbers, from the last
// one down, which no row of a blob has.
export const ITEM_ROWS_SHIFT = 12;
export const ITEM_COUNT_MASK = 4095;
export const ITEM_HAS_VALUES = 16777216;
export const ITEM_HEAD_MASK = 33554431;
export const ITEM_FIELD_SHIFT = 24;
export const ITEM_ROW_MASK = 16777215;

export const SIDE_CONTEXT = 0;
export const SIDE_ITEM = 1;

// A layer's weights are packed in tiles of TILE_OUTPUTS outputs × TILE_INPUTS inputs (int8), and its
// inputs and outputs are padded to these multiples, so that no kernel needs a remainder loop over them.
export const TILE_INPUTS = 4;
export const TILE_OUTPUTS = 4;
export const PAD_INPUTS = 8;
export const PAD_OUTPUTS = 8;

// The bound of the sum of a lane's int8 weights above 0, and of the size of the sum of those below: 258 · 127 < 2¹⁵.
// See FORMAT.md, "DENSE".
export const MAX_LANE_WEIGHT = 258;

// Activations are 7-bit: relaxed dot products are defined only for a second operand in 0..127.
export const ACTIVATION_MAX = 127;

// Row page: header, sorted keys, rows.
export const PAGE_MAGIC = 0x50454644; // "DFEP"
export const PAGE_VERSION = 1;
export const PAGE_BYTES = 8;
export const PAGE_ROW_TYPE = 12;
export const PAGE_EMBEDDING_DIM = 16;
export const PAGE_ROW_COUNT = 20;
export const PAGE_NUMBER = 24;
export const PAGE_PAGE_COUNT = 28;
export const PAGE_HEADER_BYTES = 32;
export const PAGE_DIGEST_BYTES = 16;

// The patch of a blob: a header, then steps.
export const PATCH_MAGIC = 0x44454644; // "DFED"
export const PATCH_VERSION = 1;
export const PATCH_HEADER_VERSION = 4;
export const PATCH_HEADER_LENGTH = 8;
export const PATCH_HEADER_BLOB_LENGTH = 12;
export const PATCH_HEADER_BASE_LENGTH = 16;
export const PATCH_HEADER_BASE = 32;
export const PATCH_HEADER_BYTES = 64;
export const PATCH_NUMBER_BYTES = 5; // the most of a number of a step: 7 bits each
export const PATCH_FRACTION = 2; // a patch is at most a blob's length divided by this

// Item page: a header as a row page's, sorted keys, starts of the records, records.
export const ITEM_PAGE_MAGIC = 0x49454644; // "DFEI"
export const ITEM_PAGE_VERSION = 1;

// The filter of rows: blocks of eight words.
export const FILTER_BLOCK_BYTES = 32;

// Limits, each with its reason in FORMAT.md.
export const MAX_BLOB_BYTES = 37748736; // beside the largest buffers, within the kernel's 64 MiB
export const BLOB_PART_BYTES = 26214400; // the largest value of Workers KV
export const MAX_FIELDS = 256;
export const MAX_EMBEDDING_DIM = 256;
export const MAX_BUCKET_BITS = 24;
export const MAX_PAGES = 1048576;
export const MAX_LAYERS = 16;
export const MAX_TOWER_LAYERS = 17; // MAX_LAYERS hidden ones and the output
export const MAX_LAYER_INPUTS = 65536;
export const MAX_LAYER_WIDTH = 8192;
export const MAX_GOLDEN_RECORDS = 256;
export const MAX_CALIBRATION_KNOTS = 1024;
export const MAX_ITEM_WORDS = 4096; // of a record of entries: 16 KiB, a fourth of what a cache of rows takes at a time
export const MAX_HOT_PAGES = 100; // one bulk read of KV
export const MAX_PAGE_BYTES = 131072; // a bulk read of 100 pages, as base64 text, stays under 25 MB
// One record has at most this many (row key, value) entries, so that it always fits into one call of the kernel.
export const MAX_RECORD_ENTRIES = 4096;
