// `uveth top` on a terminal: looks again and again, and shows what its user has chosen, until he leaves. Called by
// top.ts. What is shown stands in page.ts, what keys do in view.ts, the terminal in screen.ts.

import { stopSignal } from '../failure.js'
import { ordered } from './order.js'
import { type Look, pageOf, pairsOn } from './page.js'
import { Screen } from './screen.js'
import { pressed, type View } from './view.js'
import type { Watch } from './watch.js'

/** ms until it is clear that nothing has stopped this process. */
const STOPPING = 100

export class Live implements Disposable {
  readonly #watch: Watch
  readonly #screen: Screen
  readonly #look: Omit<Look, 'columns' | 'rows'>
  readonly #stop = stopSignal()
  #view: View
  /** Ends the pause between two looks. */
  #wake = () => {}
  #stopping: NodeJS.Timeout | undefined

  /** `watch` has looked once: what it cannot see at all is said before the terminal is taken. */
  constructor(watch: Watch, view: View, look: Omit<Look, 'columns' | 'rows'>) {
    this.#watch = watch
    this.#view = view
    this.#look = look
    this.#screen = new Screen((keys) => this.#hear(keys))
    this.#stop.addEventListener('abort', () => this.#wake())
    process.stdout.on('resize', this.#anew)
    process.on('SIGCONT', this.#again)
  }

  [Symbol.dispose](): void {
    process.stdout.off('resize', this.#anew)
    process.off('SIGCONT', this.#again)
    clearTimeout(this.#stopping) // it would take the terminal again
    this.#screen[Symbol.dispose]()
  }

  /** Resolves when its user leaves, or has seen as many screens. */
  async show(count: number): Promise<void> {
    this.#screen.enter()
    for (let shown = 1; ; shown++) {
      this.#draw()
      if (shown === count) return
      if (!this.#unseen) await this.#pause()
      if (this.#over) return
      const { page, chosen, paused } = this.#view
      const still = paused && !this.#unseen
      const looked = still ? undefined : this.#watch.look(page === 'detail' ? chosen : undefined)
      await Promise.race([looked, this.#ended])
      if (this.#over) return
    }
  }

  get #over(): boolean {
    return this.#view.over || this.#stop.aborted
  }

  /** The pair in detail was chosen after the last look. */
  get #unseen(): boolean {
    const { page, chosen } = this.#view
    return page === 'detail' && this.#watch.detail?.id !== chosen
  }

  /** One that does not answer keeps nobody here. */
  get #ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => this.#over && resolve()
    })
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#view.delay * 1000)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#over) this.#wake()
    })
  }

  #hear(keys: readonly string[]): void {
    const before = this.#view
    for (const key of keys) {
      if (key === 'ctrl-z') this.#suspend()
      else if (key === 'ctrl-l') this.#screen.forget()
      else this.#view = pressed(this.#view, key, this.#ids(), pairsOn(this.#screen))
    }
    const { page, delay, over } = this.#view
    if (!over) this.#draw()
    if (over || page !== before.page || this.#unseen || delay !== before.delay) this.#wake()
  }

  #ids(): string[] {
    return ordered(this.#watch.rows, this.#view).map(({ id }) => id)
  }

  #draw(): void {
    const { columns, rows } = this.#screen
    const { lines, view } = pageOf(this.#watch, this.#view, { ...this.#look, columns, rows })
    this.#view = view
    this.#screen.draw(lines)
  }

  readonly #anew = () => {
    this.#screen.forget()
    this.#draw()
  }

  readonly #again = () => {
    this.#screen.enter()
    this.#draw()
  }

  /** As the shell does it to whatever stands in front; where nobody would wake it, the kernel does not stop it. */
  #suspend(): void {
    this.#screen.leave()
    process.kill(0, 'SIGTSTP')
    clearTimeout(this.#stopping)
    this.#stopping = setTimeout(this.#again, STOPPING)
  }
}
