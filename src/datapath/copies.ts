// What is to be copied from one memory into another, gathered: a call into the addon costs more than to copy a frame, a
// view of a part would be allocated, and a loop over words takes four times as long. Used by held.ts. What was added is
// there after flush(); until then the memory that it comes from is to be left alone. Allocates nothing.

import { copyRanges } from '../native.js'

/** Ranges that are copied by one call at most. */
const RANGES = 64

interface Target {
  readonly bytes: Uint8Array
}

export class Copies {
  #count = 0
  #to: Target | undefined
  #from: Uint8Array | undefined
  /** Where to, where from, how many bytes; and again. */
  readonly #ranges = new Int32Array(3 * RANGES)

  add(to: Target, at: number, from: Uint8Array, start: number, length: number): void {
    if (this.#count === RANGES || to !== this.#to || from !== this.#from) this.flush()
    const place = 3 * this.#count++
    this.#to = to
    this.#from = from
    this.#ranges[place] = at
    this.#ranges[place + 1] = start
    this.#ranges[place + 2] = length
  }

  flush(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    copyRanges((this.#to as Target).bytes, this.#from as Uint8Array, this.#ranges, count)
  }
}
