// Device features over the generic netlink family "ethtool" (Linux 5.6): what a device can do, what
// is wanted and what is active, and how to change that. Called by the link thread, which reads a
// link's features before it changes its offloads and puts the user's choice back afterwards, and by
// tests. The socket must be of the device's namespace.

import { AttributeDecoder, AttributeWriter } from './attribute.js'
import {
  ETHTOOL_A_BITSET_BIT_NAME,
  ETHTOOL_A_BITSET_BIT_VALUE,
  ETHTOOL_A_BITSET_BITS,
  ETHTOOL_A_BITSET_BITS_BIT,
  ETHTOOL_A_BITSET_NOMASK,
  ETHTOOL_A_FEATURES_ACTIVE,
  ETHTOOL_A_FEATURES_HEADER,
  ETHTOOL_A_FEATURES_HW,
  ETHTOOL_A_FEATURES_NOCHANGE,
  ETHTOOL_A_FEATURES_WANTED,
  ETHTOOL_A_HEADER_DEV_INDEX,
  ETHTOOL_A_HEADER_FLAGS,
  ETHTOOL_FLAG_OMIT_REPLY,
  ETHTOOL_GENL_NAME,
  ETHTOOL_GENL_VERSION,
  ETHTOOL_MSG_FEATURES_GET,
  ETHTOOL_MSG_FEATURES_SET,
} from './constants.js'
import { GENL_HDRLEN, genlHeader, getFamilyRequest, parseFamily } from './genl.js'
import { type Client, type Message, only, type Request, requestOf } from './message.js'

/** Of one feature, such as 'tx-tcp-segmentation': can it be changed, is it wanted, is it on, is it fixed. */
export interface Feature {
  hw: boolean
  wanted: boolean
  active: boolean
  nochange: boolean
}

const BITSETS = new Map<number, keyof Feature>([
  [ETHTOOL_A_FEATURES_HW, 'hw'],
  [ETHTOOL_A_FEATURES_WANTED, 'wanted'],
  [ETHTOOL_A_FEATURES_ACTIVE, 'active'],
  [ETHTOOL_A_FEATURES_NOCHANGE, 'nochange'],
])

function header(cmd: number, ifindex: number, flags: number): AttributeWriter {
  const genl = genlHeader({ cmd, version: ETHTOOL_GENL_VERSION })
  return new AttributeWriter(genl).nested(ETHTOOL_A_FEATURES_HEADER, (device) => {
    device.u32(ETHTOOL_A_HEADER_DEV_INDEX, ifindex)
    if (flags !== 0) device.u32(ETHTOOL_A_HEADER_FLAGS, flags)
  })
}

/** `family`: the number of "ethtool" on this kernel. */
export function getFeaturesRequest(family: number, ifindex: number): Request {
  return requestOf(
    'ETHTOOL_MSG_FEATURES_GET',
    `ifindex ${ifindex}`,
    family,
    header(ETHTOOL_MSG_FEATURES_GET, ifindex, 0).finish(),
  )
}

/** Wants the named features on or off and leaves the others alone. */
export function setFeaturesRequest(
  family: number,
  ifindex: number,
  wanted: Readonly<Record<string, boolean>>,
): Request {
  const attributes = header(ETHTOOL_MSG_FEATURES_SET, ifindex, ETHTOOL_FLAG_OMIT_REPLY)
  attributes.nested(ETHTOOL_A_FEATURES_WANTED, (bitset) =>
    bitset.nested(ETHTOOL_A_BITSET_BITS, (bits) => {
      for (const [name, on] of Object.entries(wanted)) {
        bits.nested(ETHTOOL_A_BITSET_BITS_BIT, (bit) => {
          bit.string(ETHTOOL_A_BITSET_BIT_NAME, name)
          if (on) bit.flag(ETHTOOL_A_BITSET_BIT_VALUE)
        })
      }
    }),
  )
  return requestOf('ETHTOOL_MSG_FEATURES_SET', `ifindex ${ifindex}`, family, attributes.finish())
}

/** Calls `each` for the bits that a verbose bitset lists. In one with NOMASK a bit is set by being there. */
function readBitset(bitset: AttributeDecoder, each: (name: string, set: boolean) => void): void {
  let nomask = false
  const listed: { name: string; value: boolean }[] = []
  while (bitset.next()) {
    if (bitset.type === ETHTOOL_A_BITSET_NOMASK) nomask = true
    else if (bitset.type === ETHTOOL_A_BITSET_BITS) {
      bitset.nested((bits) => {
        while (bits.next()) bits.nested((bit) => listed.push(readBit(bit)))
      })
    }
  }
  for (const { name, value } of listed) each(name, nomask || value)
}

function readBit(bit: AttributeDecoder): { name: string; value: boolean } {
  const read = { name: '', value: false }
  while (bit.next()) {
    if (bit.type === ETHTOOL_A_BITSET_BIT_NAME) read.name = bit.string()
    else if (bit.type === ETHTOOL_A_BITSET_BIT_VALUE) read.value = true
  }
  return read
}

/** The answer to getFeaturesRequest, by the features' names. */
export function parseFeatures(message: Message): Map<string, Feature> {
  const features = new Map<string, Feature>()
  const attributes = new AttributeDecoder(message.payload, GENL_HDRLEN)
  while (attributes.next()) {
    const key = BITSETS.get(attributes.type)
    if (key === undefined) continue
    attributes.nested((bitset) =>
      readBitset(bitset, (name, set) => {
        const feature = features.get(name) ?? { hw: false, wanted: false, active: false, nochange: false }
        feature[key] = set
        features.set(name, feature)
      }),
    )
  }
  attributes.end()
  return features
}

function familyId(client: Client): number {
  return parseFamily(only(client.request(getFamilyRequest(ETHTOOL_GENL_NAME)))).id
}

/** Over a NETLINK_GENERIC socket. */
export function getFeatures(client: Client, ifindex: number): Map<string, Feature> {
  return parseFeatures(only(client.request(getFeaturesRequest(familyId(client), ifindex))))
}

/**
 * Over a NETLINK_GENERIC socket. What the device cannot change is passed over in silence by the
 * kernel: read the features again to see.
 */
export function setFeatures(
  client: Client,
  ifindex: number,
  wanted: Readonly<Record<string, boolean>>,
): void {
  client.request(setFeaturesRequest(familyId(client), ifindex, wanted))
}
