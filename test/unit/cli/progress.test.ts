// The progress bar: on a terminal, for many orders, and never left behind.

import type { WriteStream } from 'node:tty'
import { expect, test, vi } from 'vitest'
import { Progress, picture } from '../../../src/cli/progress.js'

function drawn(isTTY: boolean, total: number | undefined, steps: number): string {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    let said = ''
    const stream = { isTTY, write: (text: string) => (said += text) } as unknown as WriteStream
    const progress = new Progress(stream, total)
    for (let n = 0; n < steps; n++) {
      vi.advanceTimersByTime(40)
      progress.step()
    }
    progress.clear()
    progress.clear()
    return said
  } finally {
    vi.useRealTimers()
  }
}

test('is not drawn for few orders, nor where there is no terminal', () => {
  expect(drawn(true, 50, 50)).toBe('')
  expect(drawn(false, 500, 500)).toBe('')
})

test('is drawn ten times a second at most, and taken away once', () => {
  const pictures = drawn(true, 100, 100).split('\r')
  expect(pictures.at(-1)).toBe('\u001b[K')
  // 100 steps of 40 ms: every third may draw.
  expect(pictures.length).toBeGreaterThan(30)
  expect(pictures.length).toBeLessThan(37)
})

test('counts where nobody knows how many there will be', () => {
  expect(picture(7, undefined)).toBe('7 orders')
  expect(picture(5, 10)).toBe(`[${'#'.repeat(15)}${' '.repeat(15)}] 5/10`)
  expect(picture(12, 10)).toBe(`[${'#'.repeat(30)}] 12/10`)
})
