// What somebody who looks at `uveth top` has chosen, and what each key makes of it. Pure. Called by live.ts, shown by
// list.ts and detail.ts.

export const SORTS = ['rate', 'frames', 'drops', 'name'] as const
type Sort = (typeof SORTS)[number]

export interface View {
  page: 'list' | 'detail' | 'help'
  sort: Sort
  /** The other way round than is usual: the largest first, names from the beginning. */
  reverse: boolean
  filter: string
  /** Id of a pair. */
  chosen: string | undefined
  /** Lines of the details that are above the screen. */
  scrolled: number
  /** s between two looks. */
  delay: number
  paused: boolean
  /** What is being typed, and what for. */
  prompt: { for: 'filter' | 'delay'; text: string; wrong?: string } | undefined
  over: boolean
}

export const FIRST: View = {
  page: 'list',
  sort: 'rate',
  reverse: false,
  filter: '',
  chosen: undefined,
  scrolled: 0,
  delay: 1,
  paused: false,
  prompt: undefined,
  over: false,
}

/** s */
const SHORTEST = 0.05
const LONGEST = 86_400

/** undefined where it is none. */
export function readDelay(text: string): number | undefined {
  const seconds = /^(\d{1,5}(\.\d{1,3})?|\.\d{1,3})$/.test(text) ? Number(text) : Number.NaN
  return seconds >= SHORTEST && seconds <= LONGEST ? seconds : undefined
}

export const DELAYS = `a number of seconds, ${SHORTEST} to ${LONGEST}`

/** `ids`: of the pairs in their order; `page`: how many the screen shows. */
export function pressed(view: View, key: string, ids: readonly string[], page: number): View {
  if (key === 'ctrl-c') return { ...view, over: true }
  if (view.prompt !== undefined) return typed(view, key, view.prompt)
  if (view.page === 'help') return key === 'q' ? { ...view, over: true } : { ...view, page: 'list' }
  const change = CHANGES[key]?.(view, ids)
  if (change !== undefined) return { ...view, ...change }
  if (view.page === 'detail') return { ...view, scrolled: Math.max(0, view.scrolled + stepOf(key, page)) }
  return { ...view, chosen: moved(view.chosen, stepOf(key, ids.length, page), ids) }
}

type Change = (view: View, ids: readonly string[]) => Partial<View>

const quit: Change = () => ({ over: true })
const help: Change = () => ({ page: 'help' })
const back: Change = ({ page }) => (page === 'detail' ? { page: 'list' } : { chosen: undefined, filter: '' })
/** Of the pair that is chosen, where the list has it; the page in detail may have lost its own. */
const detail: Change = (view, ids) => {
  if (view.page === 'detail') return {}
  const chosen = ids.find((id) => id === view.chosen) ?? ids[0]
  return chosen === undefined ? {} : { page: 'detail', chosen, scrolled: 0 }
}
const sortBy =
  (sort: Sort): Change =>
  (view) => ({ sort, reverse: view.sort === sort && view.reverse })
const nextSort =
  (step: 1 | -1): Change =>
  ({ sort }) => ({ sort: SORTS.at((SORTS.indexOf(sort) + step) % SORTS.length) ?? sort })
const ask =
  (what: 'filter' | 'delay'): Change =>
  () => ({ prompt: { for: what, text: '' } })

const CHANGES: Record<string, Change> = {
  q: quit,
  Q: quit,
  h: help,
  '?': help,
  ' ': ({ paused }) => ({ paused: !paused }),
  s: ask('delay'),
  d: ask('delay'),
  '/': ask('filter'),
  o: ask('filter'),
  '=': () => ({ filter: '' }),
  '<': nextSort(-1),
  '>': nextSort(1),
  B: sortBy('rate'),
  F: sortBy('frames'),
  D: sortBy('drops'),
  N: sortBy('name'),
  r: ({ reverse }) => ({ reverse: !reverse }),
  R: ({ reverse }) => ({ reverse: !reverse }),
  enter: detail,
  right: detail,
  esc: back,
  left: back,
  backspace: back,
}

/** How far a key goes. `page`: what one screen has. */
function stepOf(key: string, all: number, page = all): number {
  const steps: Record<string, number> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    'page up': -page,
    'page down': page,
    home: Number.NEGATIVE_INFINITY,
    g: Number.NEGATIVE_INFINITY,
    end: all,
    G: all,
  }
  return steps[key] ?? 0
}

/** The first step goes to the first. */
function moved(chosen: string | undefined, step: number, ids: readonly string[]): string | undefined {
  if (step === 0) return chosen
  const at = chosen === undefined ? -1 : ids.indexOf(chosen)
  return ids[Math.min(Math.max(at < 0 && step < 0 ? 0 : at + step, 0), ids.length - 1)]
}

function typed(view: View, key: string, prompt: NonNullable<View['prompt']>): View {
  const text = [...prompt.text]
  if (key === 'esc') return { ...view, prompt: undefined }
  if (key === 'enter') return accepted(view, prompt)
  if (key === 'backspace') text.pop()
  else if (key === 'ctrl-u') text.length = 0
  else if ([...key].length === 1 && key >= ' ') text.push(key)
  return { ...view, prompt: { for: prompt.for, text: text.join('') } }
}

function accepted(view: View, prompt: NonNullable<View['prompt']>): View {
  const { text } = prompt
  if (prompt.for === 'filter') return { ...view, prompt: undefined, filter: text, page: 'list' }
  if (text === '') return { ...view, prompt: undefined }
  const delay = readDelay(text)
  if (delay !== undefined) return { ...view, prompt: undefined, delay }
  return { ...view, prompt: { ...prompt, wrong: `${text} is not ${DELAYS}` } }
}
