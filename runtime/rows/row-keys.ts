/**
 * Pages that a request may read where no setting says so. It caps the price of a request: 32 keys are $16 per million
 * requests. Most requests read one key or none.
 */
export const DEFAULT_ROW_KEYS_PER_REQUEST = 32;
