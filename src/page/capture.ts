// The button that records a pair: the browser's own download reads the capture as it comes, straight to its disk, so that
// it may be as long as the disk is. Part of the panel (detail.ts). A capture goes on while another pair is looked at.

import { ask, askJson } from './ask.js'
import { el, say, set } from './element.js'
import { clockText } from './text.js'
import { nameIn, type PairView, SIDES } from './views.js'

interface Running {
  id: string
  since: Date
}

export class CaptureBox {
  readonly element = el('div', { class: 'capture' })
  readonly #what = el('select', { id: 'capture-what' })
  readonly #button = el('button', { type: 'button', id: 'capture' })
  readonly #said = el('p', { class: 'note', role: 'status' })
  /** By the pair. */
  readonly #running = new Map<string, Running>()
  #pair: PairView | undefined
  /** And not yet answered: a second capture of the pair would have no way to be stopped. */
  #pressed = false

  constructor() {
    this.element.append(el('label', { for: 'capture-what' }, 'record'), this.#what, this.#button, this.#said)
    this.#button.addEventListener('click', () => void this.#press())
  }

  show(pair: PairView): void {
    const other = this.#pair?.id !== pair.id
    this.#pair = pair
    const names = ['each frame once', 'at both ends', ...SIDES.map((side) => `at ${nameIn(pair, side)} only`)]
    const options = names.map((name, at) => el('option', { value: at }, name))
    if (this.#what.textContent !== names.join('')) {
      const chosen = other ? 0 : this.#what.selectedIndex
      this.#what.replaceChildren(...options)
      this.#what.selectedIndex = Math.max(0, chosen)
    }
    const running = this.#running.get(pair.id)
    say(this.#button, running === undefined ? 'Start capture' : 'Stop capture')
    set(this.#button, { 'data-running': running !== undefined })
    this.#what.disabled = running !== undefined
    if (running !== undefined) say(this.#said, `recording since ${clockText(running.since)}`)
    else if (other) say(this.#said, '')
  }

  /** What it recorded is complete. */
  ended(id: string): void {
    if (!this.#running.delete(id) || this.#pair?.id !== id) return
    this.show(this.#pair)
    say(this.#said, 'the pair is gone, the file is complete')
  }

  async #press(): Promise<void> {
    const pair = this.#pair
    if (pair === undefined || this.#pressed) return
    const running = this.#running.get(pair.id)
    let said = ''
    this.#pressed = true
    try {
      if (running !== undefined) await this.#stop(pair, running)
      else await this.#start(pair)
      said = running === undefined ? '' : 'the file is complete'
    } catch (refusal) {
      said = (refusal as Error).message
    }
    this.#pressed = false
    say(this.#said, said)
    if (this.#pair?.id === pair.id) this.show(this.#pair)
  }

  async #start({ id: pair }: PairView): Promise<void> {
    const query = [{}, { both: true }, { end: 'a' }, { end: 'b' }][this.#what.selectedIndex]
    const json = { ref: `id:${pair}`, ...query }
    const { id } = await askJson<{ id: string }>('/captures', { method: 'POST', json })
    this.#running.set(pair, { id, since: new Date() })
    const name = `${pair.replace(/[^\w.-]/g, '_')}.pcapng`
    el('a', { href: `/captures/${id}/${name}`, download: name }).click()
  }

  async #stop({ id: pair }: PairView, { id }: Running): Promise<void> {
    this.#running.delete(pair)
    await ask(`/captures/${id}`, { method: 'DELETE' })
  }
}
