// Two containers that testcontainers has started, with a cable between them beside the network that they have: only
// what goes over the cable is delayed, counted and cut. Needs `npm install testcontainers` and a container engine on
// this machine. Run by: node --test containers/*.test.mjs

import assert from 'node:assert'
import { test } from 'node:test'
import { GenericContainer } from 'testcontainers'
import { assertCarried, available, lab } from 'uveth/testing'

test('redis is asked over a cable, which is cut', { skip: available() }, async (t) => {
  const db = await new GenericContainer('redis:7').withExposedPorts(6379).start()
  t.after(() => db.stop())
  const app = await new GenericContainer('redis:7').withCommand(['sleep', 'infinity']).start()
  t.after(() => app.stop())

  await lab(
    {
      name: t.name,
      nodes: { app: { container: app.getId() }, db: { container: db.getId() } },
      cables: [['app:lab0 10.77.0.1/24', 'db:lab0 10.77.0.2/24', { a: { impair: { delay: '20ms' } } }]],
    },
    async (net) => {
      const ask = () => app.exec(['timeout', '3', 'redis-cli', '-h', net.nodes.db.ip, 'ping'])
      assert.match((await ask()).output, /PONG/)
      await assertCarried(net, { tcp: { dport: 6379 } }, { from: 'app:lab0' })

      net.cables['app-db'].a.drop({ tcp: { dport: 6379 } })
      assert.doesNotMatch((await ask()).output, /PONG/)
    },
  )
})
