// What may be asked of a capture's files.

import { expect, test } from 'vitest'
import { ROTATION } from '../../../src/wishes/capture.js'

test.each([
  [null, 'rotate'],
  ['10MB', 'rotate'],
  [{}, 'rotate'],
  [{ files: 3 }, 'rotate'],
  [{ size: 10 }, 'rotate.size'],
  [{ bytes: 0 }, 'rotate.bytes'],
  [{ bytes: 1.5 }, 'rotate.bytes'],
  [{ bytes: '10' }, 'rotate.bytes'],
  [{ seconds: 0 }, 'rotate.seconds'],
  [{ seconds: Number.POSITIVE_INFINITY }, 'rotate.seconds'],
  [{ seconds: '1' }, 'rotate.seconds'],
  [{ seconds: 1, files: 0 }, 'rotate.files'],
])('%o is refused at %s', (rotation, attribute) => {
  expect(() => ROTATION.read(rotation, 'rotate')).toThrow(
    expect.objectContaining({ code: 'EINVAL', attribute }),
  )
})

test.each([{ bytes: 1 }, { seconds: 0.5 }, { bytes: 1_000_000, seconds: 60, files: 1 }])(
  '%o is fine',
  (rotation) => {
    expect(ROTATION.read(rotation, 'rotate')).toEqual(rotation)
  },
)
