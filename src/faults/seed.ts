// What a seed may be.

/** The largest seed: whole numbers up to here are exact. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER
