// tc's times, percentages, rates and sizes: every unit of iproute2, and nothing else.

import { describe, expect, test } from 'vitest'
import * as units from '../../../src/wishes/units.js'

describe('times, in ms', () => {
  test.each([
    ['1s', 1000],
    ['1.5sec', 1500],
    ['2secs', 2000],
    ['10ms', 10],
    ['10msec', 10],
    ['0.1msecs', 0.1],
    ['2us', 0.002],
    ['3usec', 0.003],
    ['500usecs', 0.5],
    ['7ns', 0.000_007],
    ['1nsec', 0.000_001],
    ['1000000nsecs', 1],
    ['10', 0.01],
    ['.5s', 500],
    ['1e3ms', 1000],
    ['10MS', 10],
  ])('%s', (text, ms) => {
    expect(units.parseTime(text)).toBe(ms)
  })

  test.each([
    '',
    'ms',
    '10m',
    '10 ms',
    '-1ms',
    '+1ms',
    '1,5s',
    '0x10',
    'Infinity',
    'NaN',
    '1e400',
    '10toString',
  ])('not "%s"', (text) => {
    expect(units.parseTime(text)).toBeUndefined()
  })
})

describe('rates, in bits per second', () => {
  test.each([
    ['1', 1],
    ['8bit', 8],
    ['1kbit', 1e3],
    ['10mbit', 1e7],
    ['2.5Gbit', 2.5e9],
    ['1tbit', 1e12],
    ['1kibit', 1024],
    ['1MiBit', 2 ** 20],
    ['1gibit', 2 ** 30],
    ['1tibit', 2 ** 40],
    ['1bps', 8],
    ['1kbps', 8000],
    ['1KiBps', 8192],
    ['1mbps', 8e6],
    ['1mibps', 8 * 2 ** 20],
    ['1gbps', 8e9],
    ['1gibps', 8 * 2 ** 30],
    ['1tbps', 8e12],
    ['1tibps', 8 * 2 ** 40],
  ])('%s', (text, rate) => {
    expect(units.parseRate(text)).toBe(rate)
  })

  test.each(['fast', '10mb', '10mbit/s', '10%'])('not "%s"', (text) => {
    expect(units.parseRate(text)).toBeUndefined()
  })
})

describe('sizes, in bytes', () => {
  test.each([
    ['5', 5],
    ['5b', 5],
    ['2k', 2048],
    ['2Kb', 2048],
    ['1.5k', 1536],
    ['1m', 2 ** 20],
    ['1mb', 2 ** 20],
    ['1g', 2 ** 30],
    ['1gb', 2 ** 30],
    ['8kbit', 1024],
    ['8mbit', 2 ** 20],
    ['8gbit', 2 ** 30],
    ['1.9', 1],
  ])('%s', (text, bytes) => {
    expect(units.parseSize(text)).toBe(bytes)
  })

  test.each(['5x', '5kib', '-5'])('not "%s"', (text) => {
    expect(units.parseSize(text)).toBeUndefined()
  })
})

test('percentages', () => {
  expect(['1%', '1', '0.1%', '100%', '0'].map(units.parsePercent)).toEqual([1, 1, 0.1, 100, 0])
  expect(['101', '-1', '1%%', '%', '1ms'].map(units.parsePercent)).toEqual(new Array(5).fill(undefined))
  expect([99.9, 0.1, 100, 99.999_999].map(units.complement)).toEqual([0.1, 99.9, 0, 0.000_001])
})

test('are written with the largest unit that says the same', () => {
  expect([0, 0.5, 0.002, 1, 999.5, 1500, 3_600_000].map(units.formatTime)).toEqual([
    '0ms',
    '500us',
    '2us',
    '1ms',
    '999.5ms',
    '1.5s',
    '3600s',
  ])
  expect([8, 1500, 1e6, 2.5e9, 1e12].map(units.formatRate)).toEqual([
    '8bit',
    '1.5kbit',
    '1mbit',
    '2.5gbit',
    '1tbit',
  ])
  expect([0, 1000, 1024, 32_768, 2 ** 20].map(units.formatSize)).toEqual([
    '0b',
    '1000b',
    '1kb',
    '32kb',
    '1mb',
  ])
})
