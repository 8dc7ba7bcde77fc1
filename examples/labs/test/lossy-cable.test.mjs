// A TCP service behind a router, and loss on one cable only: the download is whole, and the other cable lost nothing.

import assert from 'node:assert'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertDropped, available, lab } from 'uveth/testing'

const download = fileURLToPath(new URL('../src/download.mjs', import.meta.url))
const BYTES = 2_000_000

test('a download survives 2 % loss behind the router', { skip: available() }, (t) =>
  lab(
    {
      name: t.name,
      signal: t.signal,
      nodes: { client: {}, router: { kind: 'router' }, server: {} },
      cables: [
        ['client:eth0 192.0.2.2/24 2001:db8:1::2/64', 'router:eth0 192.0.2.1/24 2001:db8:1::1/64'],
        [
          'router:eth1 198.51.100.1/24 2001:db8:2::1/64',
          'server:eth0 198.51.100.2/24 2001:db8:2::2/64',
          { b: { impair: { loss: '2%' } } },
        ],
      ],
    },
    async ({ nodes: { client, server }, cables }) => {
      for (const [number, address] of [server.ip, server.ip6].entries()) {
        const port = String(8000 + number)
        await server.spawn('node', [download, 'serve', address, port, String(BYTES)]).line('ready')
        const { stdout } = await client.exec('node', [download, 'get', address, port])
        assert.equal(stdout, `got ${BYTES} bytes\n`)
      }
      await assertDropped(cables['router-server'], { cause: 'loss', match: { tcp: {} }, from: 'b' })
      await assertDropped(cables['client-router'], { times: 0 })
    },
  ),
)
