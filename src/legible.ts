// Text from outside (names of interfaces, ids, errors of others) as a terminal may have it: what would move its cursor,
// colour it or turn its writing round stands there as an escape. Called by whoever prints for people, and for the log;
// JSON has escapes of its own for half of it, and gets the rest here.

/** Control characters, and those that change the direction or the lines of a text. */
export const UNFIT = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** A text, or all texts in a value. */
export function legible<T>(value: T): T {
  if (typeof value === 'string') return value.replace(UNFIT, escaped) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(legible) as T
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [legible(key), legible(part)])) as T
}

/** JSON for a terminal too: the same value. Line ends between its parts stay. */
export function legibleJson(value: unknown, indent = 0): string {
  return legibleLines(JSON.stringify(value, null, indent))
}

/** A text whose line ends are its own. */
export function legibleLines(text: string): string {
  return text.replace(UNFIT, (one) => (one === '\n' ? one : escaped(one)))
}

/** As JSON and JavaScript write it. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
