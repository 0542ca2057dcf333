/** Beside the routes of the Worker: POST, with the milliseconds by which its clock is put forward. */
export const CLOCK = "/chaos/clock";
/** Beside the routes of the Worker: GET, the bytes of each WebAssembly memory that something still refers to. */
export const MEMORIES = "/chaos/memories";
