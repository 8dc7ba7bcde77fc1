// The slab's layout: its arithmetic, what must fit into a slot, and that the addon was built with the same.
// src/frame/slab.ts and native/src/slab.rs. That a real kernel's longest frame fits is shown by
// test/kernel/23-longest-frame.test.ts.

import { describe, expect, test } from 'vitest'
import { MAX_MTU, MAX_OVERHEAD } from '../../../src/frame/ethernet.js'
import {
  BURST,
  HEADROOM,
  LONGEST_FRAME,
  SLAB_BYTES,
  SLOTS_OFFSET,
  Slab,
  SPILL_BYTES,
  VNET_HDR_LEN,
} from '../../../src/frame/slab.js'
import { slabLayout } from '../../../src/native.js'

const CACHE_LINE = 64

describe('layout', () => {
  test('is the one that the addon was built with', () => {
    expect(slabLayout()).toEqual({
      burst: BURST,
      slotsOffset: SLOTS_OFFSET,
      headroom: HEADROOM,
      longestFrame: LONGEST_FRAME,
      vnetHdrLen: VNET_HDR_LEN,
      bytes: SLAB_BYTES,
    })
  })

  test('the tables of lengths and starts stand in front of the first slot', () => {
    expect(2 * BURST * Int32Array.BYTES_PER_ELEMENT).toBeLessThanOrEqual(SLOTS_OFFSET)
  })

  test('a slot holds the longest frame beside its headroom: MTU 65,521 and two VLAN tags', () => {
    expect(LONGEST_FRAME).toBeGreaterThanOrEqual(MAX_MTU + MAX_OVERHEAD)
    expect(LONGEST_FRAME).toBeGreaterThanOrEqual(65_521 + 22)
  })

  test('the headroom holds a virtio-net header of 24 bytes', () => {
    expect(HEADROOM).toBeGreaterThanOrEqual(24)
  })

  test('frames begin at cache lines', () => {
    expect(SLOTS_OFFSET % CACHE_LINE).toBe(0)
    expect(HEADROOM % CACHE_LINE).toBe(0)
  })

  test('a burst of small frames needs a few pages only, one of long frames fits', () => {
    const smallest = HEADROOM + CACHE_LINE
    expect(BURST * smallest).toBeLessThanOrEqual(2 * SLOTS_OFFSET)
    expect(SLAB_BYTES - SLOTS_OFFSET).toBeGreaterThanOrEqual(3 * (HEADROOM + LONGEST_FRAME))
  })
})

describe('Slab', () => {
  test('is one buffer: the lengths are a view of its beginning', () => {
    const slab = new Slab()
    expect(slab.bytes.length).toBe(SLAB_BYTES + SPILL_BYTES + SLAB_BYTES)
    expect(slab.lengths.length).toBe(BURST)
    slab.lengths[1] = -5
    expect(new Int32Array(slab.bytes.buffer, 4, 1)[0]).toBe(-5)
  })

  test('the starts are a view of what stands behind the lengths', () => {
    const slab = new Slab()
    slab.starts[1] = 4160
    expect(new Int32Array(slab.bytes.buffer, 4 * BURST + 4, 1)[0]).toBe(4160)
  })
})
