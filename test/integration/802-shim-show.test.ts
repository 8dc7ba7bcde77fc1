// `show type veth` through the shim, and ends that carry an alias of the script's own.

import { expect } from 'vitest'
import { inside, TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { shell, shimOf } from '../support/shim.js'
import { needs } from '../support/skip.js'

const needed = ['root', 'tun', 'netns', 'ip', 'nsenter'] as const
const test = needs(...needed)
const names = (netns: Netns) => netns.links().map(({ ifname }) => ifname)

test('show type veth shows our ends, with the kernel’s own where it has some', async () => {
  await using daemon = await TestDaemon.start()
  const sh = shimOf(daemon)
  await sh('ip link add a0 type veth peer name a1; ip link set a0 up; ip addr add 192.0.2.1/24 dev a0')
  const namesIn = async (line: string) =>
    (JSON.parse((await sh(line)).stdout) as { ifname?: string }[]).flatMap(({ ifname = [] }) => ifname)
  expect((await sh('ip -br link show type veth | cut -d " " -f 1')).stdout).toBe('a1\na0\n')
  expect((await sh('ip -o addr show up type veth | grep -c a0')).stdout).toMatch(/^[1-9]\n$/)
  expect(await namesIn('ip -j link show type veth')).toEqual(['a1', 'a0'])
  expect(await namesIn('ip -j -p -d -s link show type veth')).toEqual(['a1', 'a0'])
  expect(await namesIn('ip -j link show up type veth')).toEqual(['a0'])
  const swept = await sh(
    'for end in $(ip -br link show type veth | cut -d " " -f 1); do ip link del $end; done',
  )
  expect(swept).toMatchObject({ code: 1, stderr: 'Cannot find device "a0"\n' })
  expect(names(daemon.home)).not.toContain('a1')
})

const LINES = [
  'link show dev v0 type veth',
  'link show v0 type veth',
  'link show type veth dev v0',
  'addr show type veth v1',
  '-n blue$$ link show dev v2 type veth',
  'link show v0 up type veth',
  'link show lo type veth',
  'link show dev d0 type veth',
  'link show nothing type veth',
  'link show dev v0 dev v1 type veth',
  'link show dev type veth',
  'link show v0 type veth help',
  'link show type veth type bridge',
  'link show ty veth',
  'addr show -primary type veth v0',
]

needs(...needed, 'veth')(
  'show type veth of a named interface shows what it does over kernel veth',
  async () => {
    await using daemon = await TestDaemon.start()
    using plain = Netns.create('plain')
    const show = (line: string) =>
      `said=$(ip -br ${line} 2>&1); echo "ip ${line}: $? $(echo "$said" | sed 's/[@ ].*//')"`
    const script = `ip netns add blue$$; trap 'ip netns del blue$$' EXIT
    ip link add v0 type veth peer name v1; ip tuntap add d0 mode tap; ip link add v2 netns blue$$ type veth
    ${LINES.map((line) => show(line)).join('\n')}`
    const kernels = await shell({ prefix: inside(plain) })(script)
    const { code, stdout, stderr } = await shimOf(daemon)(script)
    const comparable = (said: string) => said.replace(/blue\d+/g, 'blue').split('\n')
    expect(comparable(stdout)).toEqual(comparable(kernels.stdout))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  },
)

test('an end with an alias of the script’s own is still one', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const sh = shimOf(daemon)
  const script = `ip link add a0 type veth peer name a1 netns $1
    for end in "$2" "$3"; do
      ip $end alias 'of the script'
      ip link set a0 up; ip -n $1 link set a1 up; ip link show a0 | grep -o NO-CARRIER
      ip -n $1 link set a1 down; ip link show a0 | grep -c NO-CARRIER
      ip -n $1 link set a1 up; ip link set a0 down; ip -n $1 link show a1 | grep -c NO-CARRIER
      ip -br link show type veth | cut -d ' ' -f 1; ip -br link show a0 type veth | cut -d ' ' -f 1
      ip link del a0; ip -n $1 link show a1
      ip link add a0 type veth peer name a1 netns $1
    done`
  const once = '1\n1\na0\na0\n'
  const said = await sh(script, blue.name, 'link set a0', `-n ${blue.name} link set a1`)
  expect(said).toMatchObject({ stdout: once.repeat(2), stderr: 'Device "a1" does not exist.\n'.repeat(2) })
})
