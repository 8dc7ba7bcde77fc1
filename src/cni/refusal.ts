// How the CNI plugin refuses: the error object of the specification, with its codes. Thrown by everything in this
// folder, printed by plugin.ts.

/** Codes of the specification 1.1; those from 100 on are the plugin's own (README lists them). */
export const CODE = {
  version: 1,
  environment: 4,
  decode: 6,
  configuration: 7,
  namespace: 8,
  later: 11,
  unavailable: 50,
  cable: 100,
  changed: 101,
} as const

export class Refusal extends Error {
  readonly code: number
  readonly details: string | undefined

  constructor(code: number, message: string, details?: string) {
    super(message)
    this.code = code
    this.details = details
  }
}

/** `thrown`, as a refusal: what an order or the kernel met has its own sentence. */
export function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown
  const { message, hint } = thrown as Error & { hint?: string }
  return new Refusal(CODE.cable, message, hint)
}
