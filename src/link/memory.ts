// Memory for frames that wait, of this thread's pairs: the bound that is wished for, or else a part of what the
// machine, the memory cgroup (v1 and v2) or the limit of the address space leaves to this process. Its words go to the
// link thread and on to the workers; rings are counted in this thread (pair/rings.ts).

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { FrameMemory } from '../frame/memory.js'

/** A half would leave too little for the rest of the daemon in 256 MB: it takes some 100 MB. */
const PART = 1 / 4
const CGROUPS = '/sys/fs/cgroup'

type ReadText = (path: string) => string | undefined

let memory: FrameMemory | undefined

/** Made at first use. */
export function frameMemory(): FrameMemory {
  if (memory === undefined) {
    memory = new FrameMemory()
    memory.bound = PART * available(readText, totalmem())
  }
  return memory
}

/** Of memory for frames that wait. */
export interface MemoryUse {
  /** Bytes. */
  used: number
  /** Bytes that they may have. */
  bound: number
  /** Frames dropped (limit) since there were no more. */
  refused: number
}

/** What frames of this thread's pairs have that wait, held or in rings, and may have. */
export function memoryUse(): MemoryUse {
  const { used, bound, refused } = frameMemory()
  return { used, bound, refused }
}

/** Bytes that this process may have, of `total` in the machine. */
export function available(read: ReadText, total: number): number {
  const limits = [total, ...cgroupLimits(read), addressSpace(read)]
  return Math.min(...limits.filter((limit) => limit !== undefined && Number.isFinite(limit) && limit > 0))
}

/** As the kernel has them of the cgroup and all above it, where its files are mounted as usual. */
function cgroupLimits(read: ReadText): number[] {
  return (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === '') return []
    if (controllers === '') return unifiedLimits(read, path)
    return controllers.split(',').includes('memory') ? [hierarchicalLimit(read, path)] : []
  })
}

function unifiedLimits(read: ReadText, path: string): number[] {
  const names = path.split('/').filter((name) => name !== '')
  const folders = [join(CGROUPS, 'unified'), CGROUPS].flatMap((root) =>
    [...names, ''].map((_, up) => join(root, ...names.slice(0, names.length - up))),
  )
  return folders.flatMap((folder) => [Number(read(join(folder, 'memory.max'))?.trim() ?? Number.NaN)])
}

/** v1. In a container the path may be the host's, and the files are those of the container's own cgroup. */
function hierarchicalLimit(read: ReadText, path: string): number {
  const root = join(CGROUPS, 'memory')
  const text = read(join(root, path, 'memory.stat')) ?? read(join(root, 'memory.stat')) ?? ''
  return Number(/^hierarchical_memory_limit (\d+)$/m.exec(text)?.[1])
}

/** Most of it is taken before there is a frame: V8 reserves far more than it uses. */
function addressSpace(read: ReadText): number {
  const limit = Number(/^Max address space +(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1])
  const taken = Number(/^VmSize:\s+(\d+) kB/m.exec(read('/proc/self/status') ?? '')?.[1] ?? 0) * 1024
  return Math.max(1, limit - taken)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // not mounted, or not ours to read
  }
}
