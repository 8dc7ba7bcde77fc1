// The shim's script, which does the client's work where that was not built: what 801 to 803 show of the client, once each.

import { expect } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { shimOf } from '../support/shim.js'
import { SCRIPTS } from '../support/shim-folders.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

test('pairs are made, turned up and down, shown and removed; what is foreign is ip’s', async () => {
  await using daemon = await TestDaemon.start()
  using blue = Netns.create('blue')
  const sh = shimOf(daemon, {}, SCRIPTS)
  const script = `
    ip link add a0 group 5 type veth peer name a1 netns $1 && ip link set a0 up && ip -n $1 link set a1 up mtu 1400
    ip -br link show a0 | tr -s ' ' | cut -d ' ' -f 2
    ip -n $1 link set a1 down; ip link show a0 | grep -o NO-CARRIER
    ip -br link show type veth | cut -d ' ' -f 1; ip -j link show type veth | grep -o '"ifname":"a0"'
    ip link show group 5 | grep -c a0; ip link set lo up; ip -br addr show lo | cut -d ' ' -f 1
    ip -n $1 link del a1; ip link show a0; echo $?`
  expect(await sh(script, blue.name)).toMatchObject({
    code: 0,
    stdout: 'UP\nNO-CARRIER\na0\n"ifname":"a0"\n1\nlo\n1\n',
    stderr: 'Device "a0" does not exist.\n',
  })
})

test('a batch', async () => {
  await using daemon = await TestDaemon.start()
  const sh = shimOf(daemon, {}, SCRIPTS)
  const script = `printf '%s\n' 'link add a0 type veth peer name a1' 'link set a0 up' 'link set a1 up' > $1
    ip -batch $1 && ip -br link show a0 | tr -s ' ' | cut -d ' ' -f 2
    printf 'link set a1 down\nlink del nothing\n' | ip -batch -; echo $?; ip link show a0 | grep -o NO-CARRIER`
  expect(await sh(script, daemon.folder.file('orders'))).toMatchObject({
    stdout: 'UP\n1\nNO-CARRIER\n',
    stderr: 'Cannot find device "nothing"\nCommand failed -:2\n',
  })
})
