// Containers as nodes of a lab of the test kit, as a test that has started them wires them.

import { assertCarried, lab } from 'uveth/testing'
import { expect } from 'vitest'
import { Container } from '../support/container.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'container engine', 'images of scripts/docker-test')

it('two containers are wired by name and by id, with a router between them, and left as they were', async () => {
  await using web = Container.plain('web')
  await using db = Container.plain('db')
  await lab(
    {
      nodes: { web: { container: web.name }, router: { kind: 'router' }, db: { container: db.id } },
      cables: [
        ['web:eth0 10.0.0.2/24', 'router:eth0 10.0.0.1/24', { a: { impair: { delay: '5ms' } } }],
        ['router:eth1 10.0.1.1/24', 'db:eth0 10.0.1.2/24'],
      ],
    },
    async (net) => {
      web.ping('10.0.1.2')
      db.ping('10.0.0.2')
      await assertCarried(net, { icmp: { type: 8 } }, { from: 'web:eth0' })
    },
  )
  await until('the cables to go', () => web.links().length + db.links().length === 0)
  expect([web.state.Running, db.state.Running]).toEqual([true, true])
})

it('one that has ended is refused', async () => {
  await using ended = Container.plain('ended')
  ended.kill()
  const nodes = { a: {}, db: { container: ended.name } }
  await expect(lab({ nodes, cables: [['a:eth0', 'db:eth0']] })).rejects.toThrow(
    /^ESRCH: nodes\.db\.container: .* does not run \(exited\)/,
  )
})
