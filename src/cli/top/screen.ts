// The terminal, taken for a while and given back as it was: its other screen, keys one by one, and lines of which only
// those that differ are written. Made by live.ts. Knows nothing of pairs.

import { fs } from '../../builtins.js'
import { keysOf } from './keys.js'

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J' // the other screen, no cursor, no wrapping
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
/** ms in which the rest of a key comes that begins with ESC. */
const REST = 50

export class Screen implements Disposable {
  readonly #pressed: (keys: string[]) => void
  #lines: string[] = []
  #entered = false
  #rest = ''
  #waiting: NodeJS.Timeout | undefined

  constructor(pressed: (keys: string[]) => void) {
    this.#pressed = pressed
    process.stdin.on('data', this.#hear).on('error', () => {}) // of a terminal that closed
    process.on('exit', this.#leave)
  }

  get columns(): number {
    return process.stdout.columns || 80
  }

  get rows(): number {
    return process.stdout.rows || 24
  }

  enter(): void {
    this.#entered = true
    this.#lines = []
    if (process.stdin.isTTY) process.stdin.setRawMode(true)
    process.stdin.resume()
    process.stdout.write(ENTER)
  }

  /** All of it is written anew. */
  forget(): void {
    this.#lines = []
    if (this.#entered) process.stdout.write('\x1b[2J')
  }

  /** The screen as it is to be, from its first line on; nothing while it is left. */
  draw(lines: readonly string[]): void {
    if (!this.#entered) return
    process.stdout.write(differences(this.#lines, lines))
    this.#lines = [...lines]
  }

  /** Back to what was there before; `enter` may follow. */
  leave(): void {
    if (this.#entered) process.stdout.write(LEAVE)
    this.#release()
  }

  [Symbol.dispose](): void {
    this.leave()
    clearTimeout(this.#waiting)
    process.stdin.off('data', this.#hear).pause()
    process.off('exit', this.#leave)
  }

  #release(): void {
    if (this.#entered && process.stdin.isTTY) process.stdin.setRawMode(false)
    this.#entered = false
  }

  /** At the end of the process nothing is written later. */
  readonly #leave = () => {
    try {
      if (this.#entered) fs.writeSync(process.stdout.fd, LEAVE)
      this.#release()
    } catch {} // it has closed
  }

  readonly #hear = (bytes: Buffer) => {
    clearTimeout(this.#waiting)
    const { keys, rest } = keysOf(this.#rest + bytes.toString())
    this.#rest = rest
    if (rest !== '') this.#waiting = setTimeout(this.#alone, REST)
    if (keys.length > 0) this.#pressed(keys)
  }

  readonly #alone = () => {
    const esc = this.#rest === '\x1b'
    this.#rest = ''
    if (esc) this.#pressed(['esc'])
  }
}

/** What makes the lines on the screen those that are to be there. */
export function differences(before: readonly string[], lines: readonly string[]): string {
  let text = ''
  for (let at = 0; at < Math.max(before.length, lines.length); at++) {
    const line = lines[at] ?? ''
    if (before[at] !== line) text += `\x1b[${at + 1};1H${line}\x1b[K`
  }
  return text
}
