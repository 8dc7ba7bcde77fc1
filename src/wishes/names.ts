// Words that may be wished for: those for numbers in frames (`arp` for ethertype 0x0806), and modes. What match.ts
// and the command line accept, and what is printed. Tables only, so that a command loads them without the rest.

/** Those of /etc/ethertypes and tcpdump that cross a cable in practice. */
export const ETHERTYPES = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  ipv6: 0x86dd,
  pause: 0x8808,
  slow: 0x8809,
  mpls: 0x8847,
  pppoed: 0x8863,
  pppoes: 0x8864,
  eapol: 0x888e,
  qinq: 0x88a8,
  lldp: 0x88cc,
  macsec: 0x88e5,
  ptp: 0x88f7,
  loopback: 0x9000,
} as const

/** IP protocols, as /etc/protocols writes them. */
export const PROTOCOLS = {
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  eigrp: 88,
  ospf: 89,
  pim: 103,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
  udplite: 136,
} as const

export const ARP_OPS = { request: 1, reply: 2 } as const

/** Bits of the TCP header's flags. */
export const TCP_FLAGS = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const

/** The shapes of random delays. */
export const DISTRIBUTIONS = ['uniform', 'normal', 'pareto', 'paretonormal'] as const
export type Distribution = (typeof DISTRIBUTIONS)[number]

export const CARRIER_MODES = ['on', 'off', 'auto'] as const

/** The word for a number, or the number as text. */
export function nameOf(table: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(table).find((name) => table[name] === number) ?? String(number)
}
