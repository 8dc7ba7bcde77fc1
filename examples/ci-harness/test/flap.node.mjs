// The same with Node's own test runner.

import assert from 'node:assert'
import { test } from 'node:test'
import { assertCarried, assertDropped, available, withPair } from 'uveth/testing'
import { client, PORT, serve, triesIn } from './programs.mjs'

const skip = available()

test('the plug is pulled and put back: the client goes on', { skip }, (t) =>
  withPair({ name: t.name, signal: t.signal }, async (cable) => {
    await serve(cable)
    await cable.pair.setCarrier('off')
    const asking = cable.spawn('a', ...client(cable, 'hello'))
    await asking.line('try 2')
    await assertCarried(cable, { udp: { dport: PORT } }, { times: 0 })
    await cable.pair.setCarrier('auto')
    await asking.line('answer')
    const { code, stdout } = await asking.ended
    assert.equal(code, 0)
    assert.ok(triesIn(stdout)[0] >= 2)
  }),
)

test('the server is gone: the client gives up', { skip }, (t) =>
  withPair({ name: t.name, signal: t.signal }, async (cable) => {
    cable.b.drop({ udp: {} })
    const { code, stderr } = await cable.exec('a', ...client(cable, 'hello'), { allowFailure: true })
    assert.equal(code, 1)
    assert.match(stderr, /no answer after/)
    await assertDropped(cable, { times: 0 })
  }),
)
