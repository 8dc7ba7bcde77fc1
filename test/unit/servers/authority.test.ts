// Who may order over netlink: src/servers/authority.ts against a /proc of files. What the kernel itself says of real
// senders is in test/integration/605.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lookingOnce } from '../../../src/servers/authority.js'

const SENDER = { port: 4_000_000_042, pid: 42, uid: 0 }
const ALL = '000001ffffffffff'
const NET_ADMIN = '0000000000001000'
const USERS = 'user:[4026531837]'

let proc: string

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'uvt-proc-'))
  mkdirSync(join(proc, 'self/ns'), { recursive: true })
  mkdirSync(join(proc, 'self/net'))
  symlinkSync(USERS, join(proc, 'self/ns/user'))
  writeFileSync(
    join(proc, 'self/net/netlink'),
    `sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
00000000 0   4000000042 00000000 0        0        0     2        0        11
00000000 2   4000000042 00000000 0        0        0     2        0        77
00000000 2   5          00000000 0        0        0     2        0        0
`,
  )
})
afterEach(() => rmSync(proc, { recursive: true }))

interface Described {
  caps?: string
  uid?: number
  user?: string
  secure?: bigint
  wide?: boolean
  socket?: string
}

/** A process 42 that may order, but for what is said. */
function make({
  caps = NET_ADMIN,
  uid = 0,
  user = USERS,
  secure = 0n,
  wide = true,
  socket = 'socket:[77]',
}: Described = {}) {
  const at = join(proc, '42')
  mkdirSync(join(at, 'ns'), { recursive: true })
  mkdirSync(join(at, 'fd'))
  writeFileSync(
    join(at, 'status'),
    `Name:\tip\nUid:\t${uid}\t0\t0\t0\nCapPrm:\t${ALL}\nCapEff:\t${caps}\nCapBnd:\t${ALL}\n`,
  )
  symlinkSync(user, join(at, 'ns/user'))
  const words = [33n, 0x7ffd_0000n, 16n, 23n, 23n, secure, 0n, 0n]
  const auxv = wide ? BigUint64Array.from(words) : Uint32Array.from(words.map(Number))
  writeFileSync(join(at, 'auxv'), new Uint8Array(auxv.buffer))
  symlinkSync('/dev/null', join(at, 'fd/0'))
  symlinkSync(socket, join(at, 'fd/3'))
}

const may = (changed: Partial<typeof SENDER> = {}) => lookingOnce(proc)({ ...SENDER, ...changed }) === 'admin'

describe('may not', () => {
  const cases: [string, Described, Partial<typeof SENDER>][] = [
    ['uid 0 without CAP_NET_ADMIN', { caps: '0000000000000000' }, {}],
    ['uid 0 with every other capability', { caps: '000001ffffffefff' }, {}],
    ['a process of a user namespace below, all-powerful there', { caps: ALL, user: 'user:[4026532999]' }, {}],
    ['a process of another real uid than the message’s', { caps: ALL, uid: 1000 }, {}],
    ['a message that tells no uid', { caps: ALL }, { uid: -1 }],
    ['a program that got its capabilities by its file', { caps: ALL, secure: 1n }, {}],
    ['one of 32 bits', { caps: ALL, secure: 1n, wide: false }, {}],
    [
      'a process that does not hold the socket: another pid namespace counted',
      { caps: ALL, socket: 'socket:[78]' },
      {},
    ],
    [
      'one that holds a socket of this port id, but of another protocol',
      { caps: ALL, socket: 'socket:[11]' },
      {},
    ],
    ['a port id that no socket has', {}, { port: 43 }],
    ['a socket that has been closed', { socket: 'socket:[0]' }, { port: 5 }],
    ['a process that has gone', {}, { pid: 43 }],
    ['a message that tells no process', {}, { pid: -1 }],
    ['the number 0, of a process that is not to be seen', {}, { pid: 0 }],
  ]
  test.each(cases)('%s', (_, process, sender) => {
    make(process)
    expect(may(sender)).toBe(false)
  })

  test.each(['status', 'auxv', 'ns', 'fd'])('one whose %s cannot be read', (name) => {
    make()
    rmSync(join(proc, '42', name), { recursive: true })
    expect(may()).toBe(false)
  })
})

describe('may', () => {
  test.each([
    ['uid 0 with CAP_NET_ADMIN alone', {}, {}],
    ['another uid that has it', { uid: 1000 }, { uid: 1000 }],
    ['a program of 32 bits', { wide: false }, {}],
  ] as [string, Described, Partial<typeof SENDER>][])('%s', (_, process, sender) => {
    make(process)
    expect(may(sender)).toBe(true)
  })
})

describe('what is taken in at once', () => {
  test('a process that may not order is looked at once, whatever sockets it has', () => {
    make({ caps: '0' })
    const may = lookingOnce(proc)
    expect(may(SENDER)).toBe('unable')
    rmSync(join(proc, '42'), { recursive: true })
    make()
    expect(may({ ...SENDER, port: 5 })).toBe('unable')
    expect(lookingOnce(proc)(SENDER)).toBe('admin')
  })

  test('one that may by one socket may not by another that it does not hold', () => {
    make()
    const may = lookingOnce(proc)
    expect([may({ ...SENDER, port: 5 }), may(SENDER), may({ ...SENDER, uid: 1 })]).toEqual([
      'unknown',
      'admin',
      'unable',
    ])
    expect(may(SENDER)).toBe('admin')
  })
})
