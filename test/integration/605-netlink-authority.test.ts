// Who may order over netlink: as for the kernel's own families CAP_NET_ADMIN over the network namespace, whatever the
// uid. Who cannot be told for certain may not.

import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { inside, TestDaemon } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import { type AnyMessages, Program } from '../support/program.js'
import { needs } from '../support/skip.js'
import { add, del, VethClient } from '../support/veth-client.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'setpriv', 'unshare', 'python3')

/** Orders x0 and x1; then waits for the answer and prints its error, or becomes the program that is named. */
const SENDER = `
import os, socket, struct, sys
def attr(t, b): return struct.pack('HH', 4 + len(b), t) + b + bytes(-len(b) % 4)
body = bytes([1, 1, 0, 0]) + attr(1, b'x0\\0') + attr(2, b'x1\\0')
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
s.sendto(struct.pack('IHHII', 16 + len(body), 0x13, 5, 1, 0) + body, (0x76657468, 0))
if len(sys.argv) == 1: print(-struct.unpack_from('i', s.recv(65536), 16)[0])
elif sys.argv[1] != 'gone':
    s.set_inheritable(True)
    os.execv(sys.argv[1], ['sleep', '60'])
`
const { ENODEV } = constants.errno
const NOBODY = ['setpriv', '--reuid', '65534', '--clear-groups']

async function errorOf(daemon: TestDaemon, prefix: string[]): Promise<number> {
  const [file = '', ...words] = [...inside(daemon.home), ...prefix, '/usr/bin/python3', '-c', SENDER]
  return Number((await promisify(execFile)(file, words, { timeout: patient(60_000) })).stdout)
}

test.each([
  ['another user', NOBODY],
  ['uid 0 without CAP_NET_ADMIN', ['setpriv', '--bounding-set', '-net_admin']],
  ['uid 0 without any capability', ['setpriv', '--bounding-set', '-all']],
  ['uid 0 of a user namespace that another user made', [...NOBODY, 'unshare', '-Ur']],
  ['uid 0 of a user namespace that root made', ['unshare', '-Ur']],
  [
    'pid 1 of a pid namespace, without capabilities: pid 1 of the daemon has them',
    ['unshare', '-pf', 'setpriv', '--bounding-set', '-all'],
  ],
  ['pid 1 of a pid namespace, which cannot be told from another one', ['unshare', '-pf']],
])('EPERM: %s', async (_, prefix) => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  expect(await errorOf(daemon, prefix)).toBe(1)
  expect(daemon.home.links()).toHaveLength(1)
})

test.each([
  ['uid 0 with CAP_NET_ADMIN alone', ['setpriv', '--bounding-set', '-all,+net_admin']],
  [
    'another user with CAP_NET_ADMIN',
    [...NOBODY, '--inh-caps', '+net_admin', '--ambient-caps', '+net_admin'],
  ],
])('carried out: %s', async (_, prefix) => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  expect(await errorOf(daemon, prefix)).toBe(0)
  expect(daemon.home.has('x0')).toBe(true)
})

/** Sends while the daemon stands still, so that it looks when the sender is something else. */
async function lookedAtLate(
  daemon: TestDaemon,
  prefix: string[],
  then: string,
  late: (pid: number) => Promise<void>,
) {
  daemon.program.kill('SIGSTOP')
  const words = [...inside(daemon.home), ...prefix, '/usr/bin/python3', '-c', SENDER, then]
  await using sender = new Program<AnyMessages>(words, {})
  await late(sender.pid)
  daemon.program.kill('SIGCONT')
  using client = VethClient.open(daemon.home)
  // Answered in their order: what came before has been judged.
  expect(await client.ask(add('y0', 'y1'))).toBe(0)
  expect(daemon.home.has('x0')).toBe(false)
  expect(await client.ask(del('y0'))).toBe(0)
  await sender.stop('SIGKILL')
}

test('EPERM: one that has become a privileged program since, and holds the socket still', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  const program = daemon.folder.file('sleep')
  copyFileSync('/bin/sleep', program)
  chmodSync(daemon.folder.path, 0o755)
  chmodSync(program, 0o4755)
  await lookedAtLate(daemon, NOBODY, program, async (pid) => {
    await until('the other program', () => readlinkSync(`/proc/${pid}/exe`) === program)
  })
})

test('EPERM: one that has gone before it could be looked at', async () => {
  await using daemon = await TestDaemon.start('--netlink', 'on')
  await lookedAtLate(daemon, [], 'gone', async (pid) => {
    await until('its end', () => !existsSync(`/proc/${pid}`))
  })
})

/** Datagrams as fast as it goes: from one socket, from one after another. Each says when it begins. */
const FLOODS = {
  'one socket': `
s = sock()
say()
while True: put(s)`,
  'one socket after another': `
say()
while True:
    with sock() as s:
        for n in range(200): put(s)`,
}
const FLOOD_HEAD = `
import socket, struct
message = struct.pack('IHHII', 20, 0x13, 5, 1, 0) + bytes(4)
def say(): print('{"event": "begun"}', flush=True)
def sock():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 2)
    s.setblocking(False)
    return s
def put(s):
    try: s.sendto(message, (0x76657468, 0))
    except OSError: pass
`
const ORDERS = 40
/** Of a processor: a third, what the orders take, and a turn that a busy machine has made long. */
const MOST = 0.6

// How long orders wait meanwhile is scripts/faults' to measure: on a busy machine that says more of the machine.
test.each(Object.entries(FLOODS))(
  'a flood by who may not, from %s, has a bounded share of the main thread, and is counted',
  { timeout: patient(240_000) },
  async (_, flood) => {
    await using daemon = await TestDaemon.start('--netlink', 'on')
    expect((await daemon.ask('POST', '/v1/pairs', { a: { name: 'y0' } })).status).toBe(201)
    const words = [...inside(daemon.home), ...NOBODY, '/usr/bin/python3', '-c', FLOOD_HEAD + flood]
    await using program = new Program<{ begun: object }>(words, {})
    await program.next('begun')
    const [before, began] = [processorTime(daemon.program.pid), performance.now()]
    for (let n = 0; n < ORDERS; n++) {
      using client = VethClient.open(daemon.home)
      expect(await client.ask(del('none'))).toBe(ENODEV)
      expect((await daemon.ask('PATCH', '/v1/ends/y0', { mtu: 1400 })).status).toBe(200)
    }
    const share = (processorTime(daemon.program.pid) - before) / (performance.now() - began)
    if (process.env.UVETH_SHOW) console.log({ share })
    expect(share).toBeLessThan(MOST)
    const { text } = await daemon.ask('GET', '/metrics')
    expect(Number(/^uveth_netlink_refused_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(1000)
  },
)

/** ms that the main thread of a process has had. */
function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return 10 * (Number(fields[11]) + Number(fields[12]))
}
