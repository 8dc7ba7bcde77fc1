// Wrong use of a line in iproute2's grammar, in its own words. Thrown by this folder and by the command's verbs,
// which take it from cli/usage.ts; the shim's front end gives such lines to the real ip and tc.

/** One line on stderr, exit code 1. */
export class UsageError extends Error {}

export function misused(message: string): UsageError {
  return new UsageError(message)
}

/** A word that iproute2 takes, and uveth does not. */
export class UnsupportedError extends UsageError {}
