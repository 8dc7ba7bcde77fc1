// `uveth shim run`, `install` and `uninstall`: our ip and tc at the places of the real ones, for scripts that do not look
// on PATH; and nothing of it outside, or afterwards.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { expectRefusal } from '../support/cli.js'
import { COMMAND, inside, TestDaemon } from '../support/daemon.js'
import { uvethOnce } from '../support/program.js'
import { shell, shimEnvironment } from '../support/shim.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'tc', 'nsenter', 'unshare')

/** `uveth` in a mount namespace of the test's own, so that what is installed there is nobody else's. */
const apart = (daemon: TestDaemon) => {
  const env = { ...shimEnvironment(daemon.socket, '/nowhere'), SHIM: `${process.execPath} ${COMMAND} shim` }
  return shell({ prefix: [...inside(daemon.home), 'unshare', '-m'], env })
}

needs().each([
  [[], /give --for COMMAND or --system/],
  [['--for'], /give --for COMMAND or --system/],
  [['--system', 'x'], /give --for COMMAND or --system/],
])('uveth shim install %j', async (words, sentence) => {
  expectRefusal(await uvethOnce(['shim', 'install', ...words]), 1, sentence)
  expectRefusal(await uvethOnce(['shim', 'uninstall', ...words]), 1, sentence)
})

test('misuse', async () => {
  expectRefusal(await uvethOnce(['shim', 'run']), 1, /give a command/)
  expectRefusal(await uvethOnce(['shim', 'uninstall', '--system']), 1, /it is not installed/)
  expectRefusal(
    await uvethOnce(['shim', 'uninstall', '--for', 'nothing-there']),
    1,
    /nothing is installed for/,
  )
  expectRefusal(
    await uvethOnce(['shim', 'install', '--for', 'nothing-there']),
    1,
    /no command "nothing-there"/,
  )
})

test('run: whatever path and environment a script has, and nothing of it outside', async () => {
  await using daemon = await TestDaemon.start()
  // Namespaces come and go by other tests.
  const mounts = () =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => !line.includes(' /run/netns/'))
  const before = mounts()
  const sh = shell({
    prefix: inside(daemon.home),
    env: { ...shimEnvironment(daemon.socket, '/nowhere'), SHIM: `${process.execPath} ${COMMAND} shim` },
  })
  const name = `uvt-${process.pid}-run`
  const script = `env -i "$(command -v ip)" link add a0 type veth peer name a1
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin tc qdisc add dev a0 root netem loss 7%
    PATH=/usr/sbin:/usr/bin:/sbin:/bin; tc qdisc show dev a0
    ip netns add ${name}; ip -n ${name} link add b0 type veth peer name b1
    ip netns exec ${name} ip -br link show type veth | cut -d ' ' -f 1; ip netns del ${name}; exit 7`
  expect(
    await sh(
      '$SHIM run sh -c "$1"; echo $?; ip -br link show type veth; tc qdisc show dev a0 | grep netem',
      script,
    ),
  ).toMatchObject({
    stdout: expect.stringMatching(
      /^qdisc netem 8001: root refcnt 2 limit \d+ loss 7%\nb1\nb0\n7\n$/,
    ) as string,
    stderr: '',
  })
  expect(mounts()).toEqual(before)
})

test('install --system: until it is uninstalled', async () => {
  await using daemon = await TestDaemon.start()
  const said = await apart(daemon)(`$SHIM install --system && ip link add a0 type veth peer name a1
    $SHIM install --system; echo $?; $SHIM run ip -br link show type veth | cut -d ' ' -f 1
    env -i "$(command -v ip)" link del a0; $SHIM uninstall --system && grep -c uveth-shim /proc/mounts`)
  expect(said).toMatchObject({
    stdout: '1\na1\na0\n0\n',
    stderr: 'uveth: it is installed already: uveth shim uninstall --system\n',
  })
})

test('install --for: a command of the machine always runs so', async () => {
  await using daemon = await TestDaemon.start()
  const said = await apart(daemon)(`
    mount -t tmpfs none /usr/local/bin; mount -t tmpfs none /opt
    printf '#!/bin/sh\\nenv -i "$(command -v ip)" link add "$1" type veth\\n' > /opt/lab; chmod 755 /opt/lab
    cp /opt/lab /opt/other; cp /opt/lab /usr/local/bin/other; export PATH=/opt:$PATH
    $SHIM install --for lab && PATH=/usr/local/bin:$PATH lab a0 && ip -br link show a0 | cut -d ' ' -f 1
    $SHIM install --for other; $SHIM uninstall --for lab && ls /usr/local/bin`)
  expect(said.stdout).toBe('a0\nother\n')
  expect(said.stderr).toBe('uveth: "/usr/local/bin/other" is there already, and is not ours\n')
  expect(daemon.home.has('a0')).toBe(true)
})
