// JSON as runtimes and IPAM plugins write it: null is Go's for nothing, and is left out. Used by request.ts and ipam.ts. Pure.

/** A null in a list is an entry; in place of this list it is an empty one. */
export const VALID = 'cni.dev/valid-attachments'

export function parseJson(text: string): unknown {
  return JSON.parse(text, function (this: unknown, key: string, value: unknown) {
    return value === null && key !== VALID && !Array.isArray(this) ? undefined : value
  })
}
