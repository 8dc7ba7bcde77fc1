// The slab's layout: its arithmetic, what must fit into a slot, and that the addon was built with the same.
// src/frame/slab.ts and native/src/burst.rs. That a real kernel's longest frame fits is shown by
// test/kernel/23-longest-frame.test.ts.

import { describe, expect, test } from 'vitest'
import { MAX_MTU, MAX_OVERHEAD } from '../../../src/frame/ethernet.js'
import {
  BURST,
  FRAME_OFFSET,
  frameStart,
  SLAB_BYTES,
  SLOT_STRIDE,
  SLOTS_OFFSET,
  Slab,
  VNET_HDR_LEN,
} from '../../../src/frame/slab.js'
import { slabLayout } from '../../../src/native.js'

const CACHE_LINE = 64

describe('layout', () => {
  test('is the one that the addon was built with', () => {
    expect(slabLayout()).toEqual({
      burst: BURST,
      slotsOffset: SLOTS_OFFSET,
      slotStride: SLOT_STRIDE,
      frameOffset: FRAME_OFFSET,
      vnetHdrLen: VNET_HDR_LEN,
      bytes: SLAB_BYTES,
    })
  })

  test('the table of lengths stands in front of the first slot', () => {
    expect(BURST * Int32Array.BYTES_PER_ELEMENT).toBeLessThanOrEqual(SLOTS_OFFSET)
  })

  test('a slot holds the longest frame beside its headroom: MTU 65,521 and two VLAN tags', () => {
    expect(SLOT_STRIDE - FRAME_OFFSET).toBeGreaterThanOrEqual(MAX_MTU + MAX_OVERHEAD)
    expect(SLOT_STRIDE - FRAME_OFFSET).toBeGreaterThanOrEqual(65_521 + 22)
  })

  test('the headroom holds a virtio-net header of 24 bytes', () => {
    expect(FRAME_OFFSET).toBeGreaterThanOrEqual(24)
  })

  test('slots begin at cache lines, an odd number of them apart', () => {
    expect(SLOTS_OFFSET % CACHE_LINE).toBe(0)
    expect(SLOT_STRIDE % CACHE_LINE).toBe(0)
    expect((SLOT_STRIDE / CACHE_LINE) % 2).toBe(1)
    expect(FRAME_OFFSET % CACHE_LINE).toBe(0)
  })
})

describe('Slab', () => {
  test('is one buffer: the lengths are a view of its beginning', () => {
    const slab = new Slab()
    expect(slab.bytes.length).toBe(SLAB_BYTES)
    expect(slab.lengths.length).toBe(BURST)
    slab.lengths[1] = -5
    expect(new Int32Array(slab.bytes.buffer, 4, 1)[0]).toBe(-5)
  })

  test('slots follow one another and end with the slab', () => {
    expect(frameStart(0)).toBe(SLOTS_OFFSET + FRAME_OFFSET)
    for (let slot = 1; slot < BURST; slot++) {
      expect(frameStart(slot) - frameStart(slot - 1)).toBe(SLOT_STRIDE)
    }
    expect(frameStart(BURST - 1) - FRAME_OFFSET + SLOT_STRIDE).toBe(SLAB_BYTES)
  })
})
