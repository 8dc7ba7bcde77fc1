// Wrong use of a line in iproute2's grammar, in its own words. Thrown by this folder and by the command's verbs,
// which take it from cli/usage.ts; the shim's front end gives such lines to the real ip and tc.

/** One line on stderr, and an exit code. */
export class UsageError extends Error {
  /** Where it is not the verb's for wrong words. */
  readonly exitCode?: number

  constructor(message: string, exitCode?: number) {
    super(message)
    if (exitCode !== undefined) this.exitCode = exitCode
  }
}

export function misused(message: string): UsageError {
  return new UsageError(message)
}

/** A word that iproute2 takes, and uveth does not. */
export class UnsupportedError extends UsageError {}
