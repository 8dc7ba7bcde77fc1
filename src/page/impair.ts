// The form of what is done to the frames that one end sends: a slider and a field for each impairment, and a field for
// netem's words whole. Each change is an order at once; a refusal stands at its field, in the daemon's words. Part of the
// panel (detail.ts).

import { ask } from './ask.js'
import { el, say, set } from './element.js'
import { KNOBS, type Knob, orderedText, stopOf } from './knobs.js'
import { type EndView, refOf } from './views.js'

interface Row {
  knob: Knob
  slider: HTMLInputElement
  field: HTMLInputElement
  error: HTMLElement
}

/** Of an order that the page has given: what it asks of the daemon anew. */
export type Ordered = () => void

export class ImpairForm {
  readonly element = el('div', { class: 'impair' })
  readonly #ordered: Ordered
  readonly #rows: Row[]
  readonly #words = el('input', { id: 'words', type: 'text', spellcheck: 'false', autocomplete: 'off' })
  readonly #wordsError = el('p', { class: 'error', id: 'words-error', role: 'alert' })
  #end: EndView | undefined
  /** What is in force as the fields show it, of which end: shown anew when that differs. Empty: nobody knows. */
  #shown = ''
  /** On their way, the newest of each knob: one order at a time. Of the end that was shown when it was wished. */
  #waiting: { row: Row; text: string; end: EndView }[] = []
  #sending = false

  constructor(ordered: Ordered) {
    this.#ordered = ordered
    this.#rows = KNOBS.map((knob) => this.#row(knob))
    set(this.#words, { 'aria-describedby': 'words-error', placeholder: 'delay 10ms 2ms loss 1% …' })
    const apply = el('form', { class: 'words' }, el('label', { for: 'words' }, 'words'), this.#words)
    const clear = el('button', { type: 'button' }, 'Clear')
    apply.append(el('button', { type: 'submit' }, 'Apply'), clear)
    apply.addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#give({ method: 'PUT', text: this.#words.value }, this.#words, this.#wordsError)
    })
    clear.addEventListener(
      'click',
      () => void this.#give({ method: 'DELETE' }, this.#words, this.#wordsError),
    )
    this.element.append(apply, this.#wordsError)
  }

  /** What is being typed stays, unless it is another end. */
  show(end: EndView): void {
    const other = this.#end === undefined || refOf(this.#end) !== refOf(end)
    const again = end === this.#end
    this.#end = end
    const now = JSON.stringify([refOf(end), end.impair])
    if (now === this.#shown || (!other && (again || this.#sending))) return
    this.#shown = now
    for (const row of this.#rows) {
      if (other || document.activeElement !== row.field) put(row, row.knob.read(end.impair ?? {}))
      if (other) complain(row.field, row.error)
    }
    if (other) complain(this.#words, this.#wordsError)
    void this.#readWords(end, other)
  }

  async #readWords(end: EndView, other: boolean): Promise<void> {
    const words = await ask(pathOf(end), { accept: 'text/plain' }).then(
      (answer) => answer.text(),
      () => '',
    )
    if (!this.#isShown(end)) return
    if (other || document.activeElement !== this.#words) this.#words.value = words
  }

  #row(knob: Knob): Row {
    const { name, about, stops } = knob
    const id = `knob-${name}`
    const slider = el('input', {
      type: 'range',
      min: 0,
      max: stops.length - 1,
      'aria-label': `${name}, slider`,
    })
    const field = el('input', {
      id,
      type: 'text',
      spellcheck: 'false',
      autocomplete: 'off',
      placeholder: 'none',
    })
    const error = el('p', { class: 'error', id: `${id}-error`, role: 'alert' })
    set(field, { 'aria-describedby': error.id })
    const row = { knob, slider, field, error }
    slider.addEventListener('input', () => {
      field.value = stops[slider.valueAsNumber] ?? ''
      set(slider, { 'aria-valuetext': field.value || 'none' })
      this.#order(row)
    })
    field.addEventListener('change', () => this.#order(row))
    this.element.append(
      el('div', { class: 'knob' }, el('label', { for: id, title: about }, name), slider, field),
      error,
    )
    return row
  }

  #order(row: Row): void {
    const end = this.#end
    if (end === undefined) return
    const ref = refOf(end)
    this.#waiting = this.#waiting.filter((other) => other.row !== row || refOf(other.end) !== ref)
    this.#waiting.push({ row, text: row.field.value, end })
    if (!this.#sending) void this.#send()
  }

  /** One by one, so that the last word on each is the last order. */
  async #send(): Promise<void> {
    this.#sending = true
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { row, text } = next
      // As it is by now, if it is still shown.
      const end = this.#isShown(next.end) ? (this.#end as EndView) : next.end
      const json = row.knob.patch(orderedText(text, row.knob), end.impair ?? {})
      await this.#give({ method: 'PATCH', json }, row.field, row.error, end)
    }
    this.#sending = false
  }

  async #give(
    sent: { method: string; json?: object; text?: string },
    field: HTMLInputElement,
    error: HTMLElement,
    end = this.#end,
  ): Promise<void> {
    if (end === undefined) return
    let sentence = ''
    try {
      await ask(pathOf(end), sent)
      this.#shown = '' // the fields have what was typed, and the next look may be as the last one was
    } catch (refusal) {
      sentence = (refusal as Error).message
    }
    if (this.#isShown(end)) complain(field, error, sentence)
    this.#ordered()
  }

  #isShown(end: EndView): boolean {
    return this.#end !== undefined && refOf(this.#end) === refOf(end)
  }
}

function pathOf(end: EndView): string {
  return `/v1/ends/${encodeURIComponent(refOf(end))}/impair`
}

function put({ knob, slider, field }: Row, value: number | undefined): void {
  field.value = value === undefined ? '' : knob.show(value)
  slider.value = String(stopOf(value, knob))
  set(slider, { 'aria-valuetext': field.value || 'none' })
}

function complain(field: HTMLInputElement, error: HTMLElement, sentence = ''): void {
  say(error, sentence)
  set(field, { 'aria-invalid': sentence === '' ? undefined : 'true' })
}
