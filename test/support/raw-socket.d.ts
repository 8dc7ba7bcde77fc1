// What the tests use of the raw-socket package (it ships no types): IP-level sockets, ICMP and the like.
// Its native part can be loaded by a main thread only, and only by the Node line it was built for: ask
// `needs('raw-socket')` of skip.ts first, and load it with a dynamic import().

declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events'

  interface Socket extends EventEmitter<{ message: [Buffer, string]; error: [Error]; close: [] }> {
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      done: (error: Error | null, bytes: number) => void,
    ): this
    setOption(level: number, option: number, value: Buffer | number, length?: number): void
    close(): this
  }

  const raw: {
    createSocket(options: { protocol?: number; addressFamily?: number; bufferSize?: number }): Socket
    createChecksum(...parts: (Buffer | { buffer: Buffer; offset: number; length: number })[]): number
    writeChecksum(buffer: Buffer, offset: number, checksum: number): Buffer
    readonly AddressFamily: { readonly IPv4: number; readonly IPv6: number }
    readonly Protocol: {
      readonly ICMP: number
      readonly ICMPv6: number
      readonly UDP: number
      readonly None: number
    }
    readonly SocketLevel: Readonly<Record<string, number>>
    readonly SocketOption: Readonly<Record<string, number>>
  }
  export default raw
}
