// Three routers in a ring, each with a real routing daemon (bird, of Debian's package bird2). A cable loses its carrier:
// the daemons hear it from their kernels, and traffic goes the other way around.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { assertCarried, available, lab } from 'uveth/testing'

const BIRD = process.env.BIRD ?? 'bird'
const missing = spawnSync(BIRD, ['--version']).status === 0 ? undefined : 'bird is not installed'

const configuration = (id) => `
router id ${id};
log stderr all;
protocol device {}
protocol kernel { ipv4 { export all; }; }
protocol ospf v2 {
  area 0 {
    interface "eth*" { type ptp; hello 1; dead count 4; check link; };
    interface "lan*" { stub; };
  };
}
`

test('traffic goes around a cable without carrier', { skip: available() ?? missing }, async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/labs-bird-`)
  t.after(() => rmSync(folder, { recursive: true }))
  await lab(
    {
      name: t.name,
      signal: t.signal,
      nodes: {
        client: {},
        r1: { kind: 'router' },
        r2: { kind: 'router' },
        r3: { kind: 'router' },
        server: {},
      },
      cables: [
        ['client:eth0 10.1.0.2/24', 'r1:lan0 10.1.0.1/24'],
        ['r1:eth3 10.0.13.1/24', 'r3:eth1 10.0.13.3/24'],
        ['r1:eth2 10.0.12.1/24', 'r2:eth1 10.0.12.2/24'],
        ['r2:eth3 10.0.23.2/24', 'r3:eth2 10.0.23.3/24'],
        ['r3:lan0 10.3.0.1/24', 'server:eth0 10.3.0.2/24'],
      ],
      // The others are the daemons' to find.
      routes: { client: { default: 'r1' }, server: { default: 'r3' } },
    },
    async (net) => {
      const { client, r1, r2, r3, server } = net.nodes
      for (const [at, router] of [r1, r2, r3].entries()) {
        const name = `${folder}/${router.name}`
        writeFileSync(`${name}.conf`, configuration(`10.0.0.${at + 1}`))
        router.spawn(BIRD, ['-f', '-c', `${name}.conf`, '-s', `${name}.ctl`, '-P', `${name}.pid`])
      }
      const echoes = { icmp: { type: 8 } }
      await reaches(client, server.ip)
      await assertCarried(net, echoes, { from: 'r1:eth3' })
      await assertCarried(net, echoes, { from: 'r1:eth2', times: 0 })

      await net.cables['r1-r3'].setCarrier('off')
      await reaches(client, server.ip)
      await assertCarried(net, echoes, { from: 'r1:eth2' })
      await assertCarried(net, echoes, { from: 'r2:eth3' })
    },
  )
})

/** Asks until an answer comes. */
async function reaches(node, ip) {
  for (;;) {
    const { code } = await node.exec('ping', ['-n', '-c', '1', '-W', '1', ip], { allowFailure: true })
    if (code === 0) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
