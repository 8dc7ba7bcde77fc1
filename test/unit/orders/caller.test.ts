// Where an order comes from: what the peer of a socket may claim, and what names mean in a caller's mounts. Real
// sockets and namespaces of this process; no root.

import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asCaller, asNamespace, asSeen, type Caller, home } from '../../../src/orders/caller.js'

const OWN = Number(/\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0])

let folder: string
let server: Server
let near: Socket
let far: Socket

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-caller-'))
  server = createServer().listen(join(folder, 's'))
  await once(server, 'listening')
  near = connect(join(folder, 's'))
  ;[far] = (await once(server, 'connection')) as [Socket]
})

afterAll(() => {
  near.destroy()
  far.destroy()
  server.close()
  rmSync(folder, { recursive: true })
})

const caller = (header: string | undefined) => asCaller(far, header, 'kept', async (from) => from)

test('an order of this namespace is one of home', async () => {
  const own: Caller = { netns: null, inode: OWN }
  expect(home()).toEqual(own)
  expect(await asNamespace('/proc/self/ns/net', async (from) => from)).toEqual(own)
  for (const header of [undefined, `net:[${OWN}]`, '/proc/self/ns/net', `${process.pid}`])
    expect(await caller(header)).toEqual({ ...own, root: undefined })
})

test.each([
  [`net:[${OWN + 1}]`, 'EPERM', /you are in net:\[\d+\], not in net:\[\d+\]/],
  ['%zz', 'EINVAL', /is not percent-encoded UTF-8/],
  ['some/where', 'EINVAL', /'some\/where' is no absolute path/],
  ['uveth-no-such', 'ENOENT', /uveth-no-such/],
  ['/proc/0/ns/net', 'ENOENT', /\/proc\/0/],
])('%s is refused', async (header, code, sentence) => {
  await expect(caller(header)).rejects.toMatchObject({
    code,
    attribute: 'netns',
    message: expect.stringMatching(sentence),
  })
})

test('what an order throws is passed on, and its namespace closed', async () => {
  const refused = asCaller(far, undefined, 'kept', async () => {
    throw new Error('no')
  })
  await expect(refused).rejects.toThrow(/^no$/)
})

test('only an order that makes something keeps the namespace open while it waits', async () => {
  const open = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith('net:')
      } catch {
        return false // the folder's own
      }
    }).length
  const before = open()
  const during: number[] = []
  for (const keeping of ['kept', 'looked at'] as const) {
    const order = asCaller(far, undefined, keeping, async ({ inode }) => {
      expect(inode).toBe(OWN)
      await setImmediate()
      during.push(open() - before)
    })
    await order
    expect(open()).toBe(before)
  }
  expect(during).toEqual([1, 0])
})

describe("a name in the caller's mounts", () => {
  test('is a path there, if a namespace stands there; otherwise it stays as it is', () => {
    expect(asSeen('blue', undefined)).toBe('blue')
    expect(asSeen('uveth-no-such', '/proc/self/root')).toBe('uveth-no-such')
    expect(asSeen('/etc/passwd', '/proc/self/root')).toBe('/etc/passwd')
    expect(asSeen('/proc/self/ns/net', '/proc/self/root')).toBe('/proc/self/root/proc/self/ns/net')
  })
})
