// The managed plugin of packaging/: it has what its README says, and what published ports below 1024 need.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (name: string) =>
  readFileSync(new URL(`../../../packaging/docker-plugin/${name}`, import.meta.url), 'utf8')

test('its README names its capabilities, and the one for ports below 1024 is among them', () => {
  const { linux } = JSON.parse(read('config.json')) as { linux: { capabilities: string[] } }
  const [, text = ''] = /six capabilities: (.*?)\. The control socket/s.exec(read('README.md')) ?? []
  const named = [...text.matchAll(/\b[A-Z]+_[A-Z_]+\b/g)].map(([name]) => `CAP_${name}`)
  expect(named).toHaveLength(6)
  expect(linux.capabilities.sort()).toEqual(named.sort())
  expect(linux.capabilities).toContain('CAP_NET_BIND_SERVICE')
})
