// Every limit of the logs of exposures and events, each with its reason.

/**
 * Bytes of a line at most: Queues takes messages of 128,000, of which it needs some 100 itself. They are some 4,000
 * candidates.
 */
export const MAX_LINE_BYTES = 127_000;

/** Bytes of a message of more than one line: Queues bills each 64 KB of one as an operation, with what it adds. */
export const QUEUE_MESSAGE_BYTES = 63_500;

/** Messages that Queues takes in one call. */
export const MAX_QUEUE_MESSAGES = 100;

/** Bytes of lines that are sent in one call: Queues takes 256,000 with what it adds. */
export const SEND_BYTES = 240_000;

/** Milliseconds that a line waits for others of its isolate, so that one message has them all. */
export const LINE_BATCH_MS = 500;

/** Milliseconds after which a call of the sink counts as failed. Queues answers within some tens. */
export const SEND_TIMEOUT_MS = 10_000;

/** Milliseconds after which lines are sent again where that failed; twice as long each time after that. */
export const SEND_RETRY_MS = 500;
/** The most of it. */
export const MAX_SEND_RETRY_MS = 8_000;

/** Milliseconds that a request may wait on after its answer to send lines: Workers end it after 30 s. */
export const SENDER_MS = 25_000;

/** Milliseconds after which lines that a request was about to send are another's to send: its context has ended. */
export const LINE_LOST_MS = 60_000;

/** Milliseconds that a line waits at most: whoever watches the counts has seen by then that the sink is down. */
export const MAX_LINE_AGE_MS = 600_000;

/** Milliseconds for which the memory of waiting lines is not another's. */
export const LINE_LEASE_MS = MAX_LINE_AGE_MS;

/** Bytes by which that memory grows: so many that most lines take none, and two of the longest lines fit. */
export const LINE_STEP_BYTES = 256 * 2 ** 10;

/** Exposures that wait, at most: some 1,600 of 100 candidates, of the 36 MiB that all requests share. */
export const MAX_EXPOSURES_WAITING = { lines: 8192, bytes: 4 * 2 ** 20 } as const;

/** Events that wait, at most: some 5,000. */
export const MAX_EVENTS_WAITING = { lines: 8192, bytes: 1 * 2 ** 20 } as const;
