// Drops that nobody has ordered, as those by a loss or a rule were: a thing had no room for frames. What is said of them
// where an end is shown (`uveth stats`, `link show`, `impair show`, the report of a failing test). Loads nothing.

/** By cause: what helps. */
const REMEDIES = {
  limit: 'raise limit, or the memory for frames that wait',
  queue: 'raise txqueuelen',
} as const

/** `dropped by limit: 4889: raise limit, …`: a line for each cause. */
export function excessWords(drops: Record<string, number>): string[] {
  return Object.entries(REMEDIES).flatMap(([cause, remedy]) =>
    drops[cause] ? [`dropped by ${cause}: ${drops[cause]}: ${remedy}`] : [],
  )
}
