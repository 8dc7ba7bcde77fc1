// Bytes from netlink sockets: what the kernel answers and says, and what any user may send to the family `veth`.

import assert from 'node:assert/strict'
import { DecodeError } from '../../../src/netlink/attribute.js'
import { encodeFamily } from '../../../src/netlink/genl.js'
import {
  encodeAck,
  encodeMessage,
  firstHeader,
  parseAck,
  parseMessages,
} from '../../../src/netlink/message.js'
import { getLinkRequest, parseLink, parseNsid, setLinkRequest } from '../../../src/netlink/rtnl.js'
import { outcomeOf, readMessage, refuseCut } from '../../../src/servers/family.js'
import type { Target } from '../fuzz.js'

/** As the kernel receives it. */
function sent(request: { type: number; flags: number; payload: Uint8Array }): Uint8Array {
  return encodeMessage({ seq: 1, pid: 2, ...request })
}

const CHANGE = { ifindex: 3, mtu: 1500, name: 'v0', address: new Uint8Array(6), addrGenMode: 1 }
const LINK = sent(setLinkRequest(CHANGE))
const FAMILY = encodeFamily({
  ...{ id: 0x13, name: 'veth', version: 1, hdrsize: 0, maxattr: 2 },
  ops: [{ id: 1, flags: 3 }],
})
const ADD = Buffer.from('0100000007000100763000000700020076310000', 'hex')

const DECODERS = [parseAck, parseLink, parseNsid]

export const messages: Target = {
  name: 'netlink-messages',
  kind: 'bytes',
  about: /src\/(netlink)\//,
  seeds: [
    LINK,
    sent(getLinkRequest({ name: 'v0', nsid: 4 })),
    encodeAck({ type: 16, flags: 5, seq: 1, pid: 2, payload: LINK }, 7, -22),
    sent({ type: 16, flags: 2, payload: FAMILY }),
    Buffer.concat([LINK, encodeAck({ type: 16, flags: 5, seq: 1, pid: 2, payload: LINK }, 7, 0)]),
    // statistics of a link, the kernel's sentence
    sent({
      type: 16,
      flags: 0,
      payload: Buffer.from(`${'00'.repeat(16)}c4001700${'01'.repeat(192)}`, 'hex'),
    }),
    sent({
      type: 2,
      flags: 0x200,
      payload: Buffer.from(`${'ff'.repeat(4)}10${'00'.repeat(15)}0a0001004e6f2e0000000000`, 'hex'),
    }),
  ],
  run(input) {
    for (const message of [...parseMessages(input), ...firstHeader(input)]) {
      for (const decode of DECODERS) {
        try {
          decode(message)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }
      const [again, ...more] = parseMessages(encodeMessage(message))
      assert.deepEqual([again, more], [message, []])
    }
  },
}

export const family: Target = {
  name: 'netlink-orders',
  kind: 'bytes',
  about: /src\/(servers\/family|netlink\/(attribute|genl|message))/,
  seeds: [
    sent({ type: 0x13, flags: 5, payload: ADD }),
    sent({ type: 0x13, flags: 5, payload: Buffer.concat([Buffer.from([2]), ADD.subarray(1, 12)]) }),
    sent({
      type: 16,
      flags: 5,
      payload: Buffer.from('0302000009000200766574680000000006000100100000', 'hex'),
    }),
    sent({ type: 16, flags: 0x305, payload: Buffer.from('03020000', 'hex') }),
  ],
  run(input) {
    for (const admin of [true, false]) {
      for (const message of parseMessages(input)) {
        const reading = readMessage(message, { port: 9, admin })
        if ('order' in reading) {
          const { order } = reading
          for (const name of order.op === 'add' ? [order.name, order.peer] : [order.name]) {
            assert.ok(admin && name !== '' && Buffer.byteLength(name) < 16 && !name.includes('\0'))
          }
          checkAnswers(outcomeOf(message, 9, -17))
          checkAnswers(outcomeOf(message, 9, 0))
        } else checkAnswers(reading.answers)
        checkAnswers(refuseCut(message, 9))
      }
    }
  },
}

function checkAnswers(answers: readonly Uint8Array[]): void {
  for (const answer of answers) {
    const [message, ...more] = parseMessages(answer)
    assert.ok(message !== undefined && more.length === 0 && message.pid === 9)
    if (message.type === 2) assert.ok(parseAck(message).errno <= 0)
  }
}
