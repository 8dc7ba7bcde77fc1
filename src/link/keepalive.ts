// Is the other side of a tunnel there, and would it have carrier? Made by tunnel.ts where that is asked for, in the link
// thread, whose ticks count: a machine that stands still hears nothing, and has not waited either. What is received stands in
// words that the data path writes; nothing is done for a frame. It knows no socket.
//
//               something came                    nothing in INTERVALS intervals
//   silent --------------------> up or down, as was said last --------------------> silent

import { HEARD, type LifeWords, READS, SAID, UNREADY } from '../frame/keepalive.js'
import { load } from '../frame/words.js'

/** Looks in an interval, at the last of which a keep-alive is sent: what came is seen that early. */
const LOOKS = 4
const INTERVALS = 3

export type Far = 'up' | 'down' | 'silent'

export interface KeepaliveSetup {
  /** ms. */
  interval: number
  life: LifeWords
  send(ready: boolean): void
  /** Does something wait to be received? */
  unread(): boolean
  /** `far` has. */
  changed(): void
}

export class Keepalive {
  far: Far = 'silent'
  readonly #setup: KeepaliveSetup
  /** Undefined: not known yet, and not told. */
  #ready: boolean | undefined
  #timer: NodeJS.Timeout | undefined
  #looks = 0
  /** Looks since something came, and what was read and heard at the last one. */
  #silent = 0
  #reads = 0
  #heard = 0

  constructor(setup: KeepaliveSetup) {
    this.#setup = setup
  }

  /** From now on; `far`: as others have seen it last. */
  begin(far: Far = 'silent'): void {
    this.far = far
    this.#timer ??= setInterval(() => this.look(), this.#setup.interval / LOOKS).unref()
    this.#send()
  }

  /** The other side hears at once of a change, and of it again in each interval: datagrams are lost. */
  tell(ready: boolean): void {
    if (ready === this.#ready) return
    this.#ready = ready
    if (this.#timer !== undefined) this.#send()
  }

  look(): void {
    const { life, changed } = this.#setup
    const before = this.far
    this.far = this.#see(load(life, READS), load(life, HEARD), load(life, SAID))
    if (++this.#looks % LOOKS === 0) this.#send()
    if (this.far !== before) changed()
  }

  #see(reads: number, heard: number, said: number): Far {
    const [isRead, isHeard] = [reads !== this.#reads, heard !== this.#heard]
    this.#reads = reads
    this.#heard = heard
    if (isHeard) {
      this.#silent = 0
      return said === UNREADY ? 'down' : 'up'
    }
    // Where something waits and nobody has read, the reader comes late, and it may be what is waited for.
    if (isRead || !this.#setup.unread()) this.#silent++
    return this.#silent >= LOOKS * INTERVALS ? 'silent' : this.far
  }

  #send(): void {
    if (this.#ready !== undefined) this.#setup.send(this.#ready)
  }

  /** `last`: the pair ends, which the other side is told. */
  end(last: boolean): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    if (last) this.#setup.send(false)
  }
}
