// How names are resolved in a shell's network: by the name servers of what is outside where they can be reached from
// there, otherwise by a relay at the gate (systemd-resolved, Docker and others listen on loopback alone). Used by gate.ts.

import { createSocket, type Socket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'

/** systemd-resolved writes the servers behind its own into the second one. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'] as const
const PORT = 53
/** Questions that wait for an answer, with a socket each; the oldest gives way. */
const MOST_WAITING = 64

export interface Names {
  /** What resolv.conf is to say; undefined: what it says already. */
  readonly resolv: string | undefined
  /** The name server to relay to, where the one that resolv.conf names is not to be reached. */
  readonly server: string | undefined
}

/** `relay`: an address that can be reached. */
export function namesBehind(relay: string, read = contentOf): Names {
  const [own, ...others] = FILES.map(read)
  if (own === undefined || isReachable(own)) return { resolv: undefined, server: undefined }
  const other = others.find((text) => text !== undefined && isReachable(text))
  if (other !== undefined) return { resolv: other, server: undefined }
  const rest = own.split('\n').filter((line) => !/^\s*nameserver\b/.test(line))
  return { resolv: [`nameserver ${relay}`, ...rest].join('\n'), server: serversOf(own)[0] ?? '127.0.0.1' }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function serversOf(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server ?? '')
}

/** Over IPv4, which is what a shell has. */
function isReachable(text: string): boolean {
  return serversOf(text).some((server) => /^[\d.]+$/.test(server) && !server.startsWith('127.'))
}

/** Relays what comes to port 53 of `address` to `server`, UDP and TCP; answers how it ends. */
export async function relayNames(address: string, server: string): Promise<() => void> {
  const family = server.includes(':') ? 'udp6' : 'udp4'
  const waiting: Socket[] = []
  const front = createSocket('udp4', (question, { address: from, port }) => {
    const back = createSocket(family, (answer) => {
      front.send(answer, port, from)
      back.close()
    })
    waiting.push(back)
    back.once('close', () => waiting.splice(waiting.indexOf(back), 1))
    back.on('error', () => back.close())
    back.send(question, PORT, server)
    if (waiting.length > MOST_WAITING) waiting[0]?.close()
  })
  const streams = createServer((client) => {
    const upstream = connect(PORT, server)
    client.on('error', () => upstream.destroy()).pipe(upstream)
    upstream.on('error', () => client.destroy()).pipe(client)
  })
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject).bind(PORT, address, resolve)
  })
  await new Promise<void>((resolve, reject) => {
    streams.once('error', reject).listen(PORT, address, resolve)
  })
  for (const socket of [front, streams]) socket.on('error', () => {}).unref()
  return () => {
    front.close()
    streams.close()
    for (const socket of waiting.splice(0)) socket.close()
  }
}
