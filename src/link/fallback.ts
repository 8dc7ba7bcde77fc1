// Kernel features newer than the floor (5.10). Each is probed and has a fall-back, which
// UVETH_FALLBACK (names, separated by commas) forces: so the tests run it on any kernel.

/**
 * `no-carrier`: IFF_NO_CARRIER at creation (6.x); otherwise carrier is taken away right after.
 * `uso`: UDP segmentation offload (6.2). `nudge`: RTM_GETLINK makes the kernel act on a carrier
 * change at once (about 6.8); otherwise we wait until it has. `all-nsid`: events of other
 * namespaces (CAP_NET_BROADCAST); otherwise they are asked for from time to time. `workshop`: a namespace of our own
 * (CAP_SYS_ADMIN); otherwise an end that is bound for another one is seen at home for a moment.
 * `udp-segment`, `udp-gro`: a tunnel's datagrams are cut and joined by the kernel (4.18, 5.0); otherwise each is a call.
 */
export type Feature = 'no-carrier' | 'uso' | 'nudge' | 'all-nsid' | 'workshop' | 'udp-segment' | 'udp-gro'

const forced = new Set((process.env.UVETH_FALLBACK ?? '').split(',').map((name) => name.trim()))

export function fallbackForced(feature: Feature): boolean {
  return forced.has(feature)
}
