// Lines of `tc` on one of our ends, one after the other: each is followed, refused or left to the real tc; what they
// mean together has a plan or a refusal, and can be shown.

import assert from 'node:assert/strict'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { classLine, qdiscLines } from '../../../src/iproute/qdisc-text.js'
import { type Chain, follow, impairmentOf } from '../../../src/iproute/qdiscs.js'
import { readTcLine } from '../../../src/iproute/tc-line.js'
import { refusing } from '../allow.js'
import type { Target } from '../fuzz.js'

export const tc: Target = {
  name: 'tc-lines',
  kind: 'words',
  about: /src\/iproute\/(tc-line|qdisc)/,
  seeds: [
    'qdisc add dev x root handle 5:0 htb default 1 ; class add dev x parent 5:0 classid 5:1 htb rate 10mbit burst 15k ; qdisc add dev x parent 5:1 handle 10: netem delay 5ms loss 1% limit 100',
    'qdisc add dev x root handle 1: tbf rate 1mbit burst 10k latency 10ms ; qdisc change dev x root netem loss 1%',
    'qdisc add dev x root netem delay 1ms ; qdisc add dev x parent 8001:1 tbf rate 1mbit buffer 10k/8 limit 20k',
    'qdisc replace dev x root netem rate 1mbit ; qdisc del dev x root handle 8001: netem ; class show dev x',
  ],
  words: [
    ...['qdisc', 'class', 'add', 'change', 'replace', 'delete', 'show', 'dev', 'root', 'parent', 'handle'],
    ...[
      'classid',
      'netem',
      'tbf',
      'htb',
      'pfifo',
      'default',
      'rate',
      'burst',
      'limit',
      'delay',
      '5:1',
      '1:',
      ';',
    ],
  ],
  run(input) {
    let chain: Chain = []
    for (const text of Buffer.from(input).toString().split(' ; ')) {
      const line = readTcLine(text.split(' '))
      if (line === undefined) continue
      const followed = follow(chain, line)
      if (!('chain' in followed)) continue
      chain = followed.chain
      const wish = impairmentOf(chain)
      assert.notEqual(wish, undefined)
      const plan = wish === null ? null : refusing(() => planImpair(wish, 'impair'), 'EINVAL')
      assert.equal(qdiscLines(chain, plan ?? null).length, chain.length)
      classLine(chain)
    }
  },
}
