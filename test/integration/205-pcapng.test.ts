// A capture's writer thread and its files, and what tshark reads in them. Pipes and streams are the business of
// 207-pcapng-readers. The frames are recorded by this process instead of a worker: no root.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ETH_P, ethernet, filler } from '../support/frames.js'
import { packetsOf, readPcapng } from '../support/pcapng.js'
import { FRAME, Recording } from '../support/recording.js'
import { needs } from '../support/skip.js'

const RECORD = fileURLToPath(new URL('fixtures/record.mjs', import.meta.url))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uveth-pcapng-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** IPv4 and UDP, from port 1024 of 192.0.2.1. */
function udp(port: number, length: number): Buffer {
  const header = Buffer.from('450000000000400040110000c0000201c00002020400000000000000', 'hex')
  header.writeUInt16BE(header.length + length, 2)
  header.writeUInt16BE(port, 22)
  header.writeUInt16BE(8 + length, 24)
  return ethernet(ETH_P.IP, Buffer.concat([header, filler(length)]))
}

describe('refused at once', () => {
  test('a file in a folder that does not exist', async () => {
    const path = join(folder, 'none', 'x.pcapng')
    await expect(Recording.start({ sink: { path } })).rejects.toMatchObject({
      name: 'UvethError',
      code: 'ENOENT',
      syscall: 'open',
      message: expect.stringContaining(path),
    })
  })

  test('a descriptor that is not open', async () => {
    await expect(Recording.start({ sink: { fd: 99_999 } })).rejects.toMatchObject({
      code: 'EBADF',
    })
  })

  test('a device that is full', async () => {
    const refused = Recording.start({ sink: { path: '/dev/full' } })
    await expect(refused).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write' })
  })
})

describe('a file', () => {
  test('can be read from the first moment on', async () => {
    const path = join(folder, 'x.pcapng')
    const { session } = await Recording.start({ sink: { path } })
    const [section] = readPcapng(readFileSync(path))
    expect(section?.interfaces.map(({ name, mac }) => [name, mac])).toEqual([
      ['veth0', '02:00:00:00:00:01'],
      ['veth1', '02:00:00:00:00:02'],
    ])
    expect(section?.statistics).toEqual([])
    expect(await session.end()).toMatchObject({ records: 0, lost: 0, files: [path] })
    expect(readPcapng(readFileSync(path))[0]?.statistics.length).toBe(2)
  })

  test('has everything soon, without an end', async () => {
    const path = join(folder, 'x.pcapng')
    const recording = await Recording.start({ sink: { path } })
    recording.send()
    await expect.poll(() => packetsOf(readFileSync(path)).length).toBe(2)
    recording.send()
    await expect.poll(() => packetsOf(readFileSync(path)).length).toBe(4)
    await recording.session.end()
  })

  test('of very many frames has all of them, in order', async () => {
    const path = join(folder, 'x.pcapng')
    const recording = await Recording.start({ sink: { path } })
    for (let i = 0; i < 50; i++) {
      recording.sendOnly(400)
      await delay(5) // 400 KB in 5 ms; the ring holds 4 MiB
    }
    const result = await recording.session.end()
    expect(result.records + result.lost).toBe(20_000)
    const packets = packetsOf(readFileSync(path))
    expect(packets.length).toBe(result.records)
    const lost = packets.reduce((sum, { dropcount = 0 }) => sum + dropcount, 0)
    expect(lost).toBe(result.lost)
    let next = 0
    for (const { id, frame, dropcount = 0 } of packets) {
      next += dropcount
      if (id !== 2 * next++ || !frame.equals(FRAME)) throw new Error(`frame ${next - 1} is wrong`)
    }
  })

  test('of a process that exits in the middle can be read', () => {
    const path = join(folder, 'x.pcapng')
    const { status, stderr } = spawnSync(process.execPath, [RECORD, path, '100', 'exit'], {
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, ''])
    expect(packetsOf(readFileSync(path)).length).toBe(100)
  })

  test('after the end nothing is recorded any more', async () => {
    const path = join(folder, 'x.pcapng')
    const recording = await Recording.start({ sink: { path } })
    const { bytes } = await recording.session.end()
    recording.send()
    expect(await recording.session.end()).toMatchObject({ records: 0, bytes })
    expect(statSync(path).size).toBe(bytes)
  })
})

test('files in turn, by time: each is complete, and a quiet cable makes no empty ones', async () => {
  const recording = await Recording.start({
    sink: { path: join(folder, 'x.pcapng'), rotate: { seconds: 0.1 } },
  })
  for (let i = 0; i < 20; i++) {
    recording.sendOnly(1)
    await delay(20)
  }
  await delay(400)
  recording.sendOnly(1)
  const { files, records } = await recording.session.end()
  expect(records).toBe(21)
  const all = files.map((file) => packetsOf(readFileSync(file)))
  expect(all.flat().map(({ id }) => id)).toEqual(Array.from({ length: 21 }, (_, i) => 2 * i))
  expect(files.length).toBeGreaterThanOrEqual(4)
  expect(all.slice(0, -1).every((packets) => packets.length > 0)).toBe(true)
  for (const file of files) expect(readPcapng(readFileSync(file))[0]?.statistics.length).toBe(2)
})

describe('tshark', () => {
  const it = needs('tshark')
  const FIELDS = [
    'frame.interface_name',
    'frame.interface_description',
    'frame.packet_flags_direction',
    'frame.packet_id',
    'frame.len',
    'frame.cap_len',
    'frame.comment',
    'udp.dstport',
  ]
  const fieldsOf = (line: string) => line.split('\t')
  const options = ['-n', '-T', 'fields', ...FIELDS.flatMap((field) => ['-e', field])]

  it('reads interfaces, directions, ids, lengths and remarks', async () => {
    const path = join(folder, 'x.pcapng')
    const recording = await Recording.start({ sink: { path }, snaplen: 200 })
    const frame = udp(5353, 300)
    recording.send(frame)
    recording.send(frame, (burst) => burst.drop(0, 'rule', 'rule 3'))
    recording.send(frame, (burst) => burst.hold(0, 12))
    await recording.session.end()
    const text = execFileSync('tshark', ['-r', path, ...options], { encoding: 'utf8', stdio: 'pipe' })
    const [length, port] = [String(frame.length), '5353']
    const at = (direction: string, id: number, comment: string) =>
      direction === '0x2'
        ? ['veth0', 'end a of veth0', '0x00000002', String(id), length, '200', comment, port]
        : ['veth1', '', '0x00000001', String(id), length, '200', comment, port]
    expect(text.trimEnd().split('\n').map(fieldsOf)).toEqual([
      at('0x2', 0, ''),
      at('0x1', 0, ''),
      at('0x2', 2, 'dropped: rule (rule 3)'),
      at('0x2', 4, 'delayed: 12.000 ms'),
      at('0x1', 4, 'delayed: 12.000 ms'),
    ])
  })

  it('reads the time of day, in ns', async () => {
    const path = join(folder, 'x.pcapng')
    const recording = await Recording.start({ sink: { path } })
    const before = Date.now()
    recording.sendOnly(3)
    await recording.session.end()
    const args = ['-r', path, '-T', 'fields', '-e', 'frame.time_epoch']
    const text = execFileSync('tshark', args, { encoding: 'utf8', stdio: 'pipe' })
    const times = text.trimEnd().split('\n')
    expect(times.length).toBe(3)
    for (const time of times) {
      expect(time).toMatch(/^\d{10}\.\d{9}$/)
      expect(Math.abs(1000 * Number(time) - before)).toBeLessThan(1000)
    }
  })
})
