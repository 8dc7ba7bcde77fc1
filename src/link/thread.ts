// The link thread: owns every device's descriptors, the rtnetlink monitor and all calls that may wait
// for the kernel's RTNL lock. Started by link.ts (main thread); here its parts are made and put together: its pairs
// (linked-pairs.ts), whose ends are TAPs or tunnels, and the workers that forward for them.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { heirName, heirRest } from '../native.js'
import { NETLINK_ROUTE } from '../netlink/constants.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { adoptTap, createTap } from './create.js'
import { LinkedPairs } from './linked-pairs.js'
import { startMonitor } from './monitor.js'
import { Pool } from './pool.js'
import { PooledWorker } from './pooled-worker.js'
import type { LinkSetup } from './protocol.js'
import { Tunnel } from './tunnel.js'

const pairs = new LinkedPairs(parentPort as MessagePort)
const { workers, memory } = workerData as LinkSetup
const pool = await Pool.start(
  workers,
  (notice) => pairs.heard(notice),
  (index, own, hearing) => new PooledWorker(index, own, hearing, memory),
)
const changed = (device: object) => pairs.hear({ of: 'device', device })
const home = NetlinkSocket.open(NETLINK_ROUTE)
const catchUp = startMonitor((hint) => pairs.hear(hint))
pairs.serve({
  pool,
  catchUp,
  open: (plan, queues, quiet) =>
    plan.vxlan ? Tunnel.open(plan.vxlan, changed) : createTap(home, plan, queues, quiet),
  adopt: (fds, quiet, { vxlan }) =>
    vxlan ? Tunnel.adopt(fds[0] as number, vxlan, changed) : adoptTap(home, fds, quiet),
  heir: heirName,
  rest: heirRest,
})
