// What keys make of what is chosen.

import { describe, expect, test } from 'vitest'
import { FIRST, pressed, readDelay, type View } from '../../../../src/cli/top/view.js'

const IDS = ['a', 'b', 'c', 'd', 'e']

/** After these keys; a screen has two pairs. */
function having(keys: readonly string[], view: View = FIRST): View {
  return keys.reduce((so, key) => pressed(so, key, IDS, 2), view)
}

test.each(['q', 'Q', 'ctrl-c'])('%s leaves, wherever', (key) => {
  expect(having([key]).over).toBe(true)
  expect(having(['enter', key]).over).toBe(true)
})

describe('choosing', () => {
  test.each([
    [['down'], 'a'],
    [['up'], 'a'],
    [['down', 'down', 'j'], 'c'],
    [['down', 'down', 'up'], 'a'],
    [['page down', 'page down'], 'd'],
    [['page down', 'page up'], 'a'],
    [['end'], 'e'],
    [['G', 'down'], 'e'],
    [['end', 'k'], 'd'],
    [['end', 'home'], 'a'],
    [['G', 'g', 'up'], 'a'],
  ])('%j: %s', (keys, chosen) => {
    expect(having(keys).chosen).toBe(chosen)
  })
  test('among no pairs there is nothing to choose', () => {
    expect(pressed(FIRST, 'down', [], 2).chosen).toBeUndefined()
    expect(pressed(FIRST, 'enter', [], 2).page).toBe('list')
  })
  test('a pair that is gone: the next step goes to the first', () => {
    expect(pressed({ ...FIRST, chosen: 'gone' }, 'down', IDS, 2).chosen).toBe('a')
  })
})

describe('pages', () => {
  test('enter: the pair that is chosen, or the first; esc goes back, and keeps it chosen', () => {
    expect(having(['enter'])).toMatchObject({ page: 'detail', chosen: 'a' })
    expect(having(['down', 'down', 'enter'])).toMatchObject({ page: 'detail', chosen: 'b' })
    expect(having(['down', 'down', 'enter', 'esc'])).toMatchObject({ page: 'list', chosen: 'b' })
  })
  test('enter: the first where the list no longer has the one that was chosen', () => {
    expect(pressed({ ...FIRST, chosen: 'hidden' }, 'enter', IDS, 2)).toMatchObject({ chosen: 'a' })
    expect(pressed({ ...FIRST, chosen: 'hidden' }, 'enter', [], 2)).toMatchObject({ page: 'list' })
    const gone = { ...FIRST, page: 'detail', chosen: 'gone' } as const
    expect(pressed(gone, 'enter', IDS, 2)).toMatchObject({ page: 'detail', chosen: 'gone' })
  })
  test('there arrows scroll', () => {
    expect(having(['enter', 'down', 'down', 'up']).scrolled).toBe(1)
    expect(having(['enter', 'up']).scrolled).toBe(0)
    expect(having(['enter', 'page down']).scrolled).toBe(2)
    expect(having(['enter', 'page down', 'home']).scrolled).toBe(0)
  })
  test.each(['h', '?'])('%s: help, which any key ends but q', (key) => {
    expect(having([key]).page).toBe('help')
    expect(having([key, 'x'])).toMatchObject({ page: 'list', over: false })
    expect(having([key, 'q']).over).toBe(true)
  })
})

test('sorting: by the next column, by a letter, the other way round', () => {
  expect(having(['>']).sort).toBe('frames')
  expect(having(['<']).sort).toBe('name')
  expect(having(['>', '>', '>', '>']).sort).toBe('rate')
  expect(having(['D'])).toMatchObject({ sort: 'drops', reverse: false })
  expect(having(['N', 'r'])).toMatchObject({ sort: 'name', reverse: true })
  expect(having(['r', 'N']).reverse).toBe(false)
})

describe('what is typed', () => {
  test('a filter: enter takes it, esc does not, = takes it away', () => {
    expect(having(['/', 'x', 'q', 'backspace', 'y']).prompt).toEqual({ for: 'filter', text: 'xy' })
    expect(having([...'/xy', 'enter'])).toMatchObject({ filter: 'xy', prompt: undefined })
    expect(having([...'/xy', 'esc'])).toMatchObject({ filter: '', prompt: undefined })
    expect(having([...'/xy', 'enter', '=']).filter).toBe('')
    expect(having([...'/xy', 'ctrl-u', 'z', 'up', 'enter']).filter).toBe('z')
  })
  test('seconds: what is none is told, and stays to be mended', () => {
    expect(having([...'s.5', 'enter'])).toMatchObject({ delay: 0.5, prompt: undefined })
    expect(having(['d', 'enter']).delay).toBe(1)
    const wrong = having([...'s0', 'enter'])
    expect(wrong).toMatchObject({ delay: 1, prompt: { text: '0', wrong: expect.stringContaining('0.05') } })
    expect(having([...'.2', 'enter'], wrong)).toMatchObject({ delay: 0.2, prompt: undefined })
  })
  test.each(['', '0', '0.01', '-1', '1e3', 'x', '86401', '1.2345'])('"%s" is no delay', (text) => {
    expect(readDelay(text)).toBeUndefined()
  })
})

test('space pauses, and goes on', () => {
  expect(having([' ']).paused).toBe(true)
  expect(having([' ', ' ']).paused).toBe(false)
})
