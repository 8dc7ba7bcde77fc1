// Two containers that testcontainers has started, with a cable between them beside the network that they have: only
// what goes over the cable is delayed, counted and cut. Needs `npm install testcontainers` and a container engine on
// this machine. Run by: node --test containers/*.test.mjs

import assert from 'node:assert'
import { test } from 'node:test'
import { GenericContainer, Wait } from 'testcontainers'
import { assertCarried, available, lab } from 'uveth/testing'

/** Any image with Node will do. */
const IMAGE = process.env.NODE_IMAGE ?? 'node:24-slim'
const SERVER = `require('net').createServer((client) => client.end('yes')).listen(5000, () => console.log('ready'))`
/** What a server at ADDRESS answers; `cut` where none comes in half a second. */
const CLIENT = `require('net').connect(5000, process.argv[1]).on('data', (text) => console.log(String(text)))
  .setTimeout(500).on('timeout', function () { console.log('cut'); this.destroy() })`

test('a service is asked over a cable, which is cut', { skip: available() }, async (t) => {
  const start = async (...words) => {
    const container = new GenericContainer(IMAGE).withEntrypoint(['node', '-e']).withCommand(words)
    const started = await container.withWaitStrategy(Wait.forLogMessage('ready')).start()
    t.after(() => started.stop())
    return started
  }
  const service = await start(SERVER)
  const app = await start(`console.log('ready'); setInterval(() => {}, 1000)`)

  await lab(
    {
      name: t.name,
      nodes: { app: { container: app.getId() }, service: { container: service.getId() } },
      cables: [['app:lab0 10.77.0.1/24', 'service:lab0 10.77.0.2/24', { a: { impair: { delay: '20ms' } } }]],
    },
    async (net) => {
      const ask = async () => (await app.exec(['node', '-e', CLIENT, net.nodes.service.ip])).output.trim()
      assert.equal(await ask(), 'yes')
      await assertCarried(net, { tcp: { dport: 5000 } }, { from: 'app:lab0' })

      net.cables['app-service'].a.drop({ tcp: { dport: 5000 } })
      assert.equal(await ask(), 'cut')
    },
  )
})
