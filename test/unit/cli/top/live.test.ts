// The loop of `uveth top` without a terminal: what ctrl-z leaves behind. On a terminal: integration/727-top.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Live } from '../../../../src/cli/top/live.js'
import { FIRST } from '../../../../src/cli/top/view.js'
import type { Watch } from '../../../../src/cli/top/watch.js'
import { BLOCKS } from '../../../../src/cli/top/width.js'

vi.mock('../../../../src/cli/failure.js', () => ({ stopSignal: () => new AbortController().signal }))

const ENTERED = '\x1b[?1049h'
const LEFT = '\x1b[?1049l'
let written: string
let kill: ReturnType<typeof vi.spyOn>

beforeEach(() => {
  vi.useFakeTimers()
  written = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += text
    return true
  })
  // As in a process whose parent stops nothing.
  kill = vi.spyOn(process, 'kill').mockReturnValue(true)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function start(): Live {
  const watch = { rows: [], gone: false, look: async () => {} } as unknown as Watch
  return new Live(watch, FIRST, { paint: (_, text) => text, plain: false, levels: BLOCKS })
}
const type = (keys: string) => process.stdin.emit('data', Buffer.from(keys))

test('ctrl-z gives the terminal back, and takes it again where nothing stops; nothing is drawn between', async () => {
  const live = start()
  const shown = live.show(Number.POSITIVE_INFINITY)
  type('\x1a')
  expect(kill).toHaveBeenCalledWith(0, 'SIGTSTP')
  type('N')
  expect(written.endsWith(LEFT)).toBe(true)
  await vi.advanceTimersByTimeAsync(100)
  expect(written.lastIndexOf(ENTERED)).toBeGreaterThan(written.lastIndexOf(LEFT))
  type('q')
  await shown
  live[Symbol.dispose]()
  expect(written.endsWith(LEFT)).toBe(true)
})

test('who leaves at once after ctrl-z has his terminal for good', async () => {
  const live = start()
  const shown = live.show(Number.POSITIVE_INFINITY)
  type('\x1aq')
  await shown
  live[Symbol.dispose]()
  await vi.advanceTimersByTimeAsync(1000)
  expect(written.lastIndexOf(ENTERED)).toBeLessThan(written.lastIndexOf(LEFT))
})
