// Debian's Mininet, unchanged, over the shim: TCLinks with a bandwidth, a delay and a loss, on a kernel without netem too.

import { expect } from 'vitest'
import { inside, TestDaemon } from '../support/daemon.js'
import { patient } from '../support/pace.js'
import { shell, shimEnvironment } from '../support/shim.js'
import { MININET, needs } from '../support/skip.js'

const SCRIPT = new URL('fixtures/mininet/links.py', import.meta.url).pathname

needs(
  'root',
  'tun',
  'netns',
  'ip',
  'tc',
  'nsenter',
  'ping',
  'bash',
  'ifconfig',
  'python3',
  'mininet',
)('TCLinks delay, lose and shape', { timeout: patient(120_000) }, async () => {
  await using daemon = await TestDaemon.start()
  const { PATH, ...environment } = shimEnvironment(daemon.socket)
  const env = {
    ...environment,
    PATH: `${PATH}:${MININET}/bin`,
    PYTHONPATH: `${MININET}/lib/python3/dist-packages`,
  }
  const { code, stdout, stderr } = await shell({ prefix: inside(daemon.home), env })(`python3 ${SCRIPT}`)
  expect(stdout.split(/[\r\n]+/).map((line) => line.trimEnd())).toEqual([
    'delayed 0 True',
    'qdisc htb 5: root refcnt 2 r2q 10 default 0x1 direct_packets_stat 0 direct_qlen 1000',
    expect.stringMatching(/^qdisc netem 10: parent 5:1 limit \d+ delay 30ms$/),
    'class htb 5:1 root leaf 10: prio 0 rate 10Mbit ceil 10Mbit burst 15Kb cburst 1600b',
    'lost 100',
    expect.stringMatching(/^qdisc netem 10: root refcnt 2 limit \d+ loss 100%$/),
    'shaped 0',
    'qdisc tbf 5: root refcnt 2 rate 10Mbit burst 15000b lat 50ms',
    '',
  ])
  expect(stderr.replace(/^\*\*\* Error setting resource limits[^\n]*\n/gm, '')).toBe('')
  expect(code).toBe(0)
})
