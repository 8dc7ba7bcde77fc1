// Makes ports of what the link thread says of them: the one place of the data path that knows which kinds there are.
// Called by whoever forwards (worker.ts, inline.ts) or drains (link/carrier.ts).

import { DescriptorPort, type PortCouple, type PortSpec, type WatchedPort } from './port.js'
import { VxlanPort } from './vxlan-port.js'

/** The ports of some queues, as each couple describes them. */
export function openPorts(couples: readonly PortCouple[]): (readonly [a: WatchedPort, b: WatchedPort])[] {
  return couples.map(([a, b]) => [openPort(a), openPort(b)] as const)
}

function openPort(spec: PortSpec): WatchedPort {
  return spec.kind === 'vxlan' ? new VxlanPort(spec) : new DescriptorPort(spec)
}
