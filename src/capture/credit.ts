// How many bytes a stream's reader has not taken yet, in shared memory: at a limit nothing more is sent, and the ring
// fills instead. The main thread gives back what was read.

/** Bytes under way before the stream waits. */
const LIMIT = 1024 * 1024

const TAKEN = 0
const GONE = 1

export class StreamCredit {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory = new SharedArrayBuffer(8)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  /** The reader has left. */
  get gone(): boolean {
    return Atomics.load(this.#words, GONE) !== 0
  }

  take(bytes: number): void {
    Atomics.add(this.#words, TAKEN, bytes)
  }

  /** Waits for at most `ms` while too much is under way; true when it is not any more. */
  async wait(ms: number): Promise<boolean> {
    const taken = Atomics.load(this.#words, TAKEN)
    if (taken < LIMIT) return true
    await Atomics.waitAsync(this.#words, TAKEN, taken, ms).value
    return Atomics.load(this.#words, TAKEN) < LIMIT
  }

  giveBack(bytes: number): void {
    Atomics.sub(this.#words, TAKEN, bytes)
    Atomics.notify(this.#words, TAKEN)
  }

  /** The reader leaves: whoever waits goes on. */
  leave(): void {
    Atomics.store(this.#words, GONE, 1)
    Atomics.store(this.#words, TAKEN, 0)
    Atomics.notify(this.#words, TAKEN)
  }
}
