// Attributes of refusals, in the words of whoever gave the order. Pure.

import { fromWire, toWire, UvethError } from '../errors.js'

/** The same refusal, with the attribute as whoever gave the order calls it. */
export function renamed(error: unknown, pattern: RegExp, by: string): unknown {
  if (!(error instanceof UvethError) || error.attribute === undefined) return error
  const attribute = error.attribute.replace(pattern, by)
  const message = error.message.replaceAll(error.attribute, attribute)
  return fromWire({ ...toWire(error), message, attribute })
}
