// Wishes for labs: ends of cables in words, addresses, routes. What is planned holds together, and the commands that
// come of it are lines with nothing in them that was not planned.

import assert from 'node:assert/strict'
import { linkLines, setUpScript } from '../../../src/labs/commands.js'
import { planLab } from '../../../src/labs/plan.js'
import type { LabWish } from '../../../src/wishes/lab.js'
import { refusing } from '../allow.js'
import type { Target } from '../fuzz.js'

const HOUSE: LabWish = {
  nodes: {
    a: {},
    lan: { kind: 'bridge' },
    nat: { kind: 'nat', outside: 'wan0' },
    r: { forward: true },
    db: { container: 'db' },
  },
  cables: [
    ['a:eth0 10.0.0.2/24 fd00::2/64', 'lan:p1', { a: { impair: { delay: '1ms' } } }],
    ['lan:p2', 'nat:lan0 10.0.0.1/24 fd00::1/64', { id: 'inner' }],
    [
      'nat:wan0 192.0.2.2/24',
      'r:eth0 192.0.2.1/24',
      { b: { up: false, rules: [{ action: { kind: 'drop' } }] } },
    ],
    ['r:eth1 198.51.100.1/24', 'db:lab0 198.51.100.2/24'],
  ],
}
const GIVEN: LabWish = {
  ...HOUSE,
  routes: { a: { default: 'nat', '172.16.0.0/12': '10.0.0.9', 'fd00::/8': 'nat' } },
  neighbours: false,
}

function run(input: Uint8Array): void {
  const plan = refusing(() => planLab(JSON.parse(Buffer.from(input).toString()) as LabWish))
  if (plan === undefined) return
  assert.equal(plan.ends.length, 2 * plan.cables.length)
  for (const node of plan.nodes) {
    for (const line of linkLines(node, plan, () => '02:00:00:00:00:01'))
      assert.match(line, /^(route add|neigh replace|link set dev) [^\n]+$/)
    const names = plan.ends.filter((end) => end.node === node.name).map(({ name }) => name)
    assert.ok(node.outside.every((name) => names.includes(name)))
    assert.equal(setUpScript(node) !== '', node.kind === 'nat' || node.kind === 'bridge')
  }
}

export const labs: Target = {
  name: 'labs',
  kind: 'json',
  about: /src\/(labs|wishes)\//,
  seeds: [JSON.stringify(HOUSE), JSON.stringify(GIVEN)],
  words: ['bridge', 'router', 'nat:wan0', 'auto', 'default', '10.0.0.1/24', 'fd00::1/64', 'lan:p3'],
  run: (input) => {
    try {
      run(input)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  },
}
