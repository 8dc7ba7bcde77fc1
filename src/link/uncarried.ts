// Which of the frames that the kernel dropped in front of a device were sent without carrier: the kernel has one counter
// (tx_dropped) for these and for those that its full queue had no room for. Kept by tap.ts, which says when carrier
// goes, and when the kernel has acted on its coming. What is sent in between may be taken for the other.

export interface UncarriedState {
  before: number
  /** None: there is carrier. */
  since?: number | null | undefined
}

export class Uncarried {
  /** In all times without carrier that are over. */
  #before = 0
  /** tx_dropped when this one began; undefined while there is carrier. A device is born without. */
  #since: number | undefined = 0

  /** For the process that goes on with the device. */
  get state(): UncarriedState {
    return { before: this.#before, since: this.#since ?? null }
  }

  set state({ before, since }: UncarriedState) {
    this.#before = before
    this.#since = since ?? undefined
  }

  /** Carrier goes; `dropped`: tx_dropped, if it is known. */
  begin(dropped: number | undefined): void {
    this.#since ??= dropped
  }

  /** Frames are sent again. */
  end(dropped: number | undefined): void {
    if (dropped === undefined) return
    this.#before = this.uncarried(dropped)
    this.#since = undefined
  }

  /** Of so many dropped frames. */
  uncarried(dropped: number): number {
    return this.#before + (this.#since === undefined ? 0 : dropped - this.#since)
  }
}
