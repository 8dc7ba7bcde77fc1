// Kinds of end are known to their device and their port, and to who says or shows what one is: the loop, hooks and pairs
// are the same for all of them.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const SRC = new URL('../../../src/', import.meta.url).pathname

/** Of the data path, those that may. */
const PORTS = ['port.ts', 'open-ports.ts', 'vxlan-port.ts']

test('nothing in hooks/, pair/, or in the data path but its ports, knows of a tunnel', () => {
  const files = ['hooks', 'pair', 'datapath'].flatMap((room) =>
    readdirSync(join(SRC, room)).map((name) => ({ name, path: join(SRC, room, name) })),
  )
  const known = files.filter(({ path }) => /vxlan/i.test(readFileSync(path, 'utf8')))
  expect(files.length).toBeGreaterThan(50)
  expect(known.map(({ name }) => name).sort()).toEqual([...PORTS].sort())
})
