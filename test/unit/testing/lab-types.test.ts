// What the compiler knows of a lab: names of nodes, of their interfaces and of cables. It is tsc that judges this file.

import { expectTypeOf, test } from 'vitest'
import type { End, Pair } from '../../../src/index.js'
import type { MakeLab } from '../../../src/testing/index.js'

declare const lab: MakeLab

/** Never run: making a lab takes root. */
async function compiled(): Promise<void> {
  const net = await lab({
    nodes: { client: {}, nat: { kind: 'nat', outside: 'wan0' }, db: { container: 'x' } },
    cables: [
      ['client:eth0 10.0.0.2/24', 'nat:lan0 10.0.0.1/24', { a: { impair: { delay: '1ms' } } }],
      ['nat:wan0', 'db:lab0', { id: 'far' }],
      ['nat:wan1', { vxlan: { id: 42, remote: '192.0.2.7' }, impair: { delay: '1ms' } }],
    ],
    routes: { client: { default: 'nat' } },
  })
  expectTypeOf<keyof typeof net.nodes>().toEqualTypeOf<'client' | 'nat' | 'db'>()
  expectTypeOf<keyof typeof net.cables>().toEqualTypeOf<'client-nat' | 'far' | 'nat-vxlan42'>()
  expectTypeOf<keyof typeof net.nodes.nat.ends>().toEqualTypeOf<'lan0' | 'wan0' | 'wan1'>()
  expectTypeOf(net.cables.far).toEqualTypeOf<Pair>()
  expectTypeOf(net.nodes.client.ends.eth0).toEqualTypeOf<End>()

  const cables = [['a:eth0', 'b:eth0']] as const
  // @ts-expect-error there is no node b
  await lab({ nodes: { a: {} }, cables })
  // @ts-expect-error nor one that has routes
  await lab({ nodes: { a: {}, b: {} }, cables, routes: { c: { default: 'a' } } })
  // @ts-expect-error there is no such kind
  await lab({ nodes: { a: { kind: 'hub' }, b: {} }, cables })
  // @ts-expect-error a tunnel leads to a host
  await lab({ nodes: { a: {} }, cables: [['a:eth0', { vxlan: { id: 42 } }]] })
  // @ts-expect-error an impairment of netem's words
  await lab({ nodes: { a: {}, b: {} }, cables: [['a:eth0', 'b:eth0', { a: { impair: { delya: 1 } } }]] })

  const answer = await lab({ nodes: { a: {}, b: {} }, cables }, async ({ nodes }) => nodes.a.ip)
  expectTypeOf(answer).toEqualTypeOf<string>()

  const names: string[] = ['a', 'b']
  const some = await lab({ nodes: Object.fromEntries(names.map((name) => [name, {}])), cables: [] })
  expectTypeOf(some.nodes.anything!.ip).toEqualTypeOf<string>()
}

test('names are known to the compiler', () => {
  expectTypeOf(compiled).toBeFunction()
})
