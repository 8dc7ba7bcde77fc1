// What rtnetlink tells of a TAP alone: its queues; and the end of a link. Called by link/tap.ts. Not a part of rtnl.ts,
// whose parser is for links of every kind.

import { AttributeDecoder } from './attribute.js'
import * as nl from './constants.js'
import { type Client, type Message, only } from './message.js'
import { delLinkRequest, getLinkRequest, IFINFOMSG_LEN, type LinkQuery } from './rtnl.js'

/** Queues of a TAP, attached by whomever, detached ones included; 0 where the kernel does not say (before 4.20). */
export function getQueues(client: Client, query: LinkQuery): number {
  return parseQueues(only(client.request(getLinkRequest(query))))
}

/** Removes a link, whoever holds it. */
export function delLink(client: Client, query: LinkQuery): void {
  client.request(delLinkRequest(query))
}

function parseQueues({ payload }: Message): number {
  let queues = 0
  const attributes = new AttributeDecoder(payload, IFINFOMSG_LEN)
  within(attributes, nl.IFLA_LINKINFO, (info) =>
    within(info, nl.IFLA_INFO_DATA, (tun) => {
      while (tun.next()) {
        if (tun.type === nl.IFLA_TUN_NUM_QUEUES || tun.type === nl.IFLA_TUN_NUM_DISABLED_QUEUES)
          queues += tun.u32()
      }
    }),
  )
  attributes.end()
  return queues
}

function within(outer: AttributeDecoder, type: number, read: (inner: AttributeDecoder) => void): void {
  while (outer.next()) if (outer.type === type) outer.nested(read)
}
