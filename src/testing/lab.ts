// lab: any number of nodes with cables between them, around a test's body or until they are closed, for any test
// runner. vitest.ts makes a fixture of it.

import { invalid } from '../errors.js'
import type { End } from '../index.js'
import { around } from './around.js'
import type { Lab, MakeLab, NodeInTest } from './lab-types.js'
import type { NodePlace } from './nodes.js'
import { type AnyLabOptions, addressOf, callerIn, planLabTest } from './options.js'
import { Testbed } from './testbed.js'

/**
 * Makes namespaces (or takes those of containers), the pairs between them, addresses, routes and neighbours. With a
 * `body` it removes everything when that ends, and a failure has the report, as with withPair; without one the lab is
 * there until it is closed: `await using net = await lab({ … })`.
 */
export const lab: MakeLab = async (options: AnyLabOptions, body?: (lab: Lab) => unknown): Promise<never> => {
  if (body !== undefined && typeof body !== 'function')
    throw invalid(
      'the body of a test is a function: lab(options, async ({ nodes, cables }) => { … })',
      'body',
    )
  const testbed = await Testbed.lay(planLabTest(options, callerIn(new Error().stack, import.meta.url)))
  const made = labOf(testbed)
  const result = body === undefined ? made : await around(testbed, async () => await body(made))
  return result as never
}

/** What a test is given of it. */
export function labOf(testbed: Testbed): Lab {
  const { nodes, laid, plan } = testbed
  return {
    nodes: Object.fromEntries(nodes.map((node) => [node.name, nodeOf(testbed, node)])),
    cables: Object.fromEntries(laid.map(({ plan: { name }, pair }) => [name, pair])),
    seed: plan.seed,
    close: (failed = false) => testbed.close(failed),
    [Symbol.asyncDispose]: async () => void (await testbed.close(false)),
  }
}

function nodeOf({ laid, programs }: Testbed, node: NodePlace): NodeInTest {
  const own = laid.flatMap(({ pair, nodes, plan }) =>
    (['a', 'b'] as const)
      .filter((end) => nodes[end] === node)
      .map((end) => ({ end: pair[end], options: plan.pair[end] })),
  )
  const first = (version: 4 | 6) =>
    own.map(({ options }) => addressOf(options, version)).find((address) => address !== '') ?? ''
  return {
    name: node.name,
    netns: node.netns,
    ip: first(4),
    ip6: first(6),
    ends: Object.fromEntries(own.map(({ end, options }): [string, End] => [options.name as string, end])),
    ...programs.of(node.name),
  }
}
