// Where the nodes of a lab are, and how something runs in them: in a namespace of our own (keeper.ts makes it), or in
// that of a container, which stays as it is. Called by testbed.ts before anything is made.

import { UvethError } from '../errors.js'
import type { Netns } from '../index.js'
import type { NodePlan } from '../labs/plan.js'
import { containerPid } from '../netns/container.js'
import type { Place } from './program.js'

export interface NodePlace extends Place {
  readonly plan: NodePlan
  /** As createPair takes it. */
  readonly netns: Netns
  /** `ip` there. */
  readonly ip: readonly string[]
}

/** `prefix`: of the names of new namespaces. Refuses a container that does not run. */
export async function findNodes(nodes: readonly NodePlan[], prefix: string): Promise<NodePlace[]> {
  return await Promise.all(
    nodes.map(async (plan): Promise<NodePlace> => {
      const { name, container } = plan
      if (container !== undefined) return inContainer(plan, await pidOf(container, `nodes.${name}.container`))
      const netns = `${prefix}-${name}`
      return { plan, name, netns, enter: ['ip', 'netns', 'exec', netns], ip: ['ip', '-n', netns] }
    }),
  )
}

async function pidOf(container: string, attribute: string): Promise<number> {
  try {
    return (await containerPid(container, true)) as number
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    const { message, code } = error
    throw new UvethError(`${message.replace(': ', `: ${attribute}: `)}`, { code, attribute })
  }
}

function inContainer(plan: NodePlan, pid: number): NodePlace {
  const enter = ['nsenter', `--net=/proc/${pid}/ns/net`]
  return { plan, name: plan.name, netns: pid, enter, ip: [...enter, 'ip'] }
}
