// Reads pcapng files, independently of what writes them: every length is checked, nothing is passed over
// in silence. For tests of captures; `tshark` is the other judge where it is installed.

interface PcapngInterface {
  name: string
  description?: string
  /** `02:00:…` */
  mac?: string
  linktype: number
  snaplen: number
  /** 9: nanoseconds. */
  tsresol: number
}

export interface PcapngPacket {
  interface: number
  /** The interface's name. */
  on: string
  /** ns since 1970. */
  time: bigint
  /** Captured bytes. */
  frame: Buffer
  /** Bytes of the whole frame. */
  original: number
  direction: 'in' | 'out' | undefined
  id?: number
  dropcount?: number
  comments: string[]
}

interface PcapngStatistics {
  interface: number
  time: bigint
  started: bigint
  ended: bigint
  received: number
  dropped: number
  delivered: number
}

export interface PcapngSection {
  os?: string
  application?: string
  interfaces: PcapngInterface[]
  packets: PcapngPacket[]
  statistics: PcapngStatistics[]
}

const OPTIONS_OF_SECTION = 24
const OPTIONS_OF_INTERFACE = 16
const OPTIONS_OF_STATISTICS = 20

/** The sections of a file; throws where it is not whole. */
export function readPcapng(bytes: Uint8Array): PcapngSection[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const sections: PcapngSection[] = []
  for (let at = 0; at < file.length; ) {
    if (at + 12 > file.length) throw new Error(`half a block at ${at}`)
    const length = file.readUInt32LE(at + 4)
    if (length % 4 !== 0 || length < 12 || at + length > file.length) {
      throw new Error(`a block of ${length} bytes at ${at} of ${file.length}`)
    }
    const block = file.subarray(at, at + length)
    if (block.readUInt32LE(length - 4) !== length) throw new Error(`the lengths of the block at ${at} differ`)
    readBlock(sections, block)
    at += length
  }
  return sections
}

/** The frames of a file of one section. */
export function packetsOf(bytes: Uint8Array): PcapngPacket[] {
  const sections = readPcapng(bytes)
  if (sections.length !== 1) throw new Error(`${sections.length} sections`)
  return (sections[0] as PcapngSection).packets
}

function readBlock(sections: PcapngSection[], block: Buffer): void {
  const type = block.readUInt32LE(0)
  if (type === 0x0a0d0d0a) {
    sections.push(section(block))
    return
  }
  const last = sections.at(-1)
  if (last === undefined) throw new Error('the first block begins no section')
  if (type === 1) last.interfaces.push(interfaceOf(block))
  else if (type === 6) last.packets.push(packet(block, last.interfaces))
  else if (type === 5) last.statistics.push(statistics(block))
  else throw new Error(`a block of type ${type}`)
}

function section(block: Buffer): PcapngSection {
  if (block.readUInt32LE(8) !== 0x1a2b3c4d) throw new Error('another byte order')
  if (block.readUInt32LE(12) !== 1) throw new Error('another version than 1.0')
  if (block.readBigInt64LE(16) !== -1n) throw new Error('a section of known length')
  const found = options(block, OPTIONS_OF_SECTION)
  return {
    ...text('os', found.get(3)),
    ...text('application', found.get(4)),
    interfaces: [],
    packets: [],
    statistics: [],
  }
}

function interfaceOf(block: Buffer): PcapngInterface {
  const found = options(block, OPTIONS_OF_INTERFACE)
  const mac = found.get(6)?.[0]
  return {
    name: String(found.get(2)?.[0] ?? ''),
    ...text('description', found.get(3)),
    ...(mac && { mac: mac.toString('hex').replace(/(..)(?=.)/g, '$1:') }),
    linktype: block.readUInt16LE(8),
    snaplen: block.readUInt32LE(12),
    tsresol: found.get(9)?.[0]?.[0] ?? 6,
  }
}

function packet(block: Buffer, interfaces: PcapngInterface[]): PcapngPacket {
  const index = block.readUInt32LE(8)
  const of = interfaces[index]
  if (of === undefined) throw new Error(`a frame of interface ${index}, which is not described`)
  const captured = block.readUInt32LE(20)
  const found = options(block, 28 + ((captured + 3) & ~3))
  const id = found.get(5)?.[0]?.readBigUInt64LE()
  const dropcount = found.get(4)?.[0]?.readBigUInt64LE()
  return {
    interface: index,
    on: of.name,
    time: time(block, 12),
    frame: block.subarray(28, 28 + captured),
    original: block.readUInt32LE(24),
    direction: ([undefined, 'in', 'out'] as const)[(found.get(2)?.[0]?.readUInt32LE() ?? 0) & 3],
    ...(id !== undefined && { id: Number(id) }),
    ...(dropcount !== undefined && { dropcount: Number(dropcount) }),
    comments: (found.get(1) ?? []).map(String),
  }
}

function statistics(block: Buffer): PcapngStatistics {
  const found = options(block, OPTIONS_OF_STATISTICS)
  const value = (code: number) => found.get(code)?.[0] as Buffer
  return {
    interface: block.readUInt32LE(8),
    time: time(block, 12),
    started: time(value(2), 0),
    ended: time(value(3), 0),
    received: Number(value(4).readBigUInt64LE()),
    dropped: Number(value(5).readBigUInt64LE()),
    delivered: Number(value(8).readBigUInt64LE()),
  }
}

/** By code; every option may stand more than once. They must be ended. */
function options(block: Buffer, from: number): Map<number, Buffer[]> {
  const found = new Map<number, Buffer[]>()
  for (let at = from; at < block.length - 4; ) {
    const code = block.readUInt16LE(at)
    const length = block.readUInt16LE(at + 2)
    const end = at + 4 + length
    if (code === 0) {
      if (length !== 0 || end !== block.length - 4) throw new Error('the options end before their block')
      return found
    }
    if (end > block.length - 4) throw new Error(`option ${code} is longer than its block`)
    found.set(code, [...(found.get(code) ?? []), block.subarray(at + 4, end)])
    at = (end + 3) & ~3
  }
  throw new Error('the options have no end')
}

function time(block: Buffer, at: number): bigint {
  return (BigInt(block.readUInt32LE(at)) << 32n) | BigInt(block.readUInt32LE(at + 4))
}

function text<K extends string>(key: K, values: Buffer[] | undefined): { [P in K]?: string } {
  return values === undefined ? {} : ({ [key]: String(values[0]) } as { [P in K]: string })
}
