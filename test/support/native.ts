// The only importer of the tests' own addon (test/native): system calls that nothing but a test makes. What it
// opens is closed by its own `closeFd`; the shipped addon's (src/native.ts) answers -EBADF for it.

import { createRequire } from 'node:module'

type Addon = typeof import('../native/addon.cjs')

function load(): Addon {
  try {
    return createRequire(import.meta.url)('../native/addon.node') as Addon
  } catch (cause) {
    throw new Error("the tests' addon does not load (scripts/setup, npm run build:test-native)", { cause })
  }
}

export const {
  closeFd,
  netlinkPortId,
  packetOpen,
  packetReceive,
  packetSend,
  socketPair,
  tunSetQueue,
  xdpLink,
  xdpLoad,
  xdpSeen,
} = load()
