// Frames by words: ether().ipv4({ … }).udp({ … }, payload). Each word adds a layer to those before it and changes
// nothing, so a beginning can be used for many frames; the last one answers the bytes. build.ts makes them.

import type { Layers } from '../wishes/layers.js'
import { buildFrame } from './build.js'

type Layer<K extends keyof Layers> = NonNullable<Layers[K]>
type Vlan = Layer<'vlans'>[number]
type Payload = Layer<'payload'>

/** Behind an Ethernet header. */
export interface EtherBuilder {
  /** One more tag, inside of those before it. */
  vlan(tag: Vlan): EtherBuilder
  ipv4(ip: Layer<'ipv4'>): IpBuilder
  ipv6(ip: Layer<'ipv6'>): IpBuilder
  /** The frame. */
  arp(arp: Layer<'arp'>): Uint8Array
  /** The frame, with anything behind its header. */
  payload(bytes: Payload): Uint8Array
}

/** Behind an IP header. Each answers the frame. */
export interface IpBuilder {
  udp(udp: Layer<'udp'>, payload?: Payload): Uint8Array
  tcp(tcp: Layer<'tcp'>, payload?: Payload): Uint8Array
  icmp(icmp: Layer<'icmp'>, payload?: Payload): Uint8Array
  payload(bytes: Payload): Uint8Array
}

/** Begins a frame: to everybody, unless it says to whom. */
export function ether(ether: Layer<'ether'> = {}): EtherBuilder {
  return behindEther({ ether })
}

function behindEther(layers: Layers): EtherBuilder {
  return {
    vlan: (tag) => behindEther({ ...layers, vlans: [...(layers.vlans ?? []), tag] }),
    ipv4: (ipv4) => behindIp({ ...layers, ipv4 }),
    ipv6: (ipv6) => behindIp({ ...layers, ipv6 }),
    arp: (arp) => buildFrame({ ...layers, arp }),
    payload: (payload) => buildFrame({ ...layers, payload }),
  }
}

function behindIp(layers: Layers): IpBuilder {
  const withPayload = (payload: Payload | undefined) => (payload === undefined ? {} : { payload })
  return {
    udp: (udp, payload) => buildFrame({ ...layers, udp, ...withPayload(payload) }),
    tcp: (tcp, payload) => buildFrame({ ...layers, tcp, ...withPayload(payload) }),
    icmp: (icmp, payload) => buildFrame({ ...layers, icmp, ...withPayload(payload) }),
    payload: (payload) => buildFrame({ ...layers, payload }),
  }
}
