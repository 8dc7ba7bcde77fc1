// A terminal's screen, as far as programs of ours write to it: text in, lines out. Strict: a sequence that it does not
// know is an error, so that none is overlooked. Used by terminal.ts.

/** Characters and their styles (parameters of SGR in force), by line and column; a wide one has an empty one behind it. */
export interface Cell {
  text: string
  style: string
}

const WIDE =
  /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Emoji_Presentation}/u
// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's language
const TOKEN = /\x1b\[(\??)([\d;]*)([A-Za-z])|\x1b|./gsu
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of a sequence that is still to come
const UNFINISHED = /\x1b(?:\[\??[\d;]*)?$/

/** SGR that takes away what another one gave. */
const ENDS: Record<string, RegExp> = { 22: /^[12]$/, 27: /^7$/, 39: /^3\d$/ }

export class Screen {
  readonly columns: number
  readonly rows: number
  /** The other screen is shown. */
  other = false
  cursor = true
  wraps = true
  #cells: Cell[][]
  #kept: Cell[][] = []
  /** The cursor, on the screen that is not shown. */
  #left: readonly [row: number, column: number] = [0, 0]
  #row = 0
  #column = 0
  #styles: string[] = []

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
    this.#cells = this.#empty()
  }

  /** The screen after all of a text. */
  static of(text: string, columns: number, rows: number): Screen {
    const screen = new Screen(columns, rows)
    screen.write(text.replace(UNFINISHED, ''))
    return screen
  }

  get lines(): string[] {
    return this.#cells.map((line) =>
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
  }

  get cells(): readonly (readonly Cell[])[] {
    return this.#cells
  }

  write(text: string): void {
    for (const [token, mark, numbers = '', letter] of text.matchAll(TOKEN)) {
      if (letter !== undefined) this.#obey(`${mark}${letter}`, numbers)
      else if (token === '\r') this.#column = 0
      else if (token === '\n') this.#feed()
      else if (token < ' ') throw new Error(`${JSON.stringify(token)} is not known here`)
      else this.#put(token)
    }
  }

  #obey(order: string, numbers: string): void {
    const [first = '', second = ''] = numbers.split(';')
    if (order === 'H') [this.#row, this.#column] = [Number(first || 1) - 1, Number(second || 1) - 1]
    else if (order === 'K' && numbers === '')
      this.#line.splice(this.#column, this.columns, ...blank(this.columns - this.#column))
    else if (order === 'J' && numbers === '2') this.#cells = this.#empty()
    else if (order === 'm') for (const number of numbers.split(';')) this.#style(number)
    else if (order === '?h' || order === '?l') this.#mode(numbers, order === '?h')
    else throw new Error(`ESC [ ${order} ${numbers} is not known here`)
  }

  #style(number: string): void {
    const ends = ENDS[number]
    if (ends !== undefined) this.#styles = this.#styles.filter((style) => !ends.test(style))
    else if (/^([17]|3[0-7])$/.test(number)) this.#styles.push(number)
    else throw new Error(`the style ${number} is not known here`)
  }

  #mode(number: string, on: boolean): void {
    if (number === '25') this.cursor = on
    else if (number === '7') this.wraps = on
    else if (number !== '1049') throw new Error(`the mode ${number} is not known here`)
    else if (on !== this.other) {
      ;[this.#cells, this.#kept] = on ? [this.#empty(), this.#cells] : [this.#kept, []]
      const at = [this.#row, this.#column] as const
      if (!on) [this.#row, this.#column] = this.#left
      this.#left = at
      this.other = on
    }
  }

  get #line(): Cell[] {
    const line = this.#cells[this.#row]
    if (line === undefined) throw new Error(`there is no line ${this.#row + 1}`)
    return line
  }

  #put(text: string): void {
    const width = WIDE.test(text) ? 2 : /\p{Mn}|\p{Cf}/u.test(text) ? 0 : 1
    if (this.#column + width > this.columns) {
      if (!this.wraps) throw new Error(`"${text}" is beyond the last column`)
      this.#column = 0
      this.#feed()
    }
    if (width === 0) {
      const before = this.#line[this.#column - 1]
      if (before !== undefined) before.text += text
      return
    }
    const style = this.#styles.join(';')
    this.#line.splice(
      this.#column,
      width,
      ...[
        { text, style },
        { text: '', style },
      ].slice(0, width),
    )
    this.#column += width
  }

  /** The next line; what stands at the top goes. */
  #feed(): void {
    if (++this.#row < this.rows) return
    this.#row = this.rows - 1
    this.#cells = [...this.#cells.slice(1), blank(this.columns)]
  }

  #empty(): Cell[][] {
    return Array.from({ length: this.rows }, () => blank(this.columns))
  }
}

function blank(columns: number): Cell[] {
  return Array.from({ length: columns }, () => ({ text: ' ', style: '' }))
}
