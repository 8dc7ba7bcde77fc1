// `uveth replay FILE NAME`: the frames of a recording on the cable again. This command reads the file, with the rights
// of its user, and keeps the time; the daemon gets frames as they are due. Starts no daemon.

import { constants } from 'node:os'
import type { ReplayUpload } from '../contract/client.js'
import type { PairView } from '../contract/ops.js'
import { UvethError } from '../errors.js'
import { legible } from '../legible.js'
import { showInode } from '../netns/names.js'
import { replay } from '../pair/replay.js'
import { SPEED } from '../wishes/replay.js'
import { whole } from '../wishes/shape.js'
import { written } from '../wishes/words.js'
import { stopSignal } from './failure.js'
import { REPLAY_HELP } from './help-seen.js'
import { REPLAY } from './options.js'
import { Progress } from './progress.js'
import { type Session, write, writeJson } from './session.js'
import { parseVerb, UsageError } from './usage.js'

type Values = ReturnType<typeof parseVerb<typeof REPLAY>>['values']

/** What one end sends. */
interface Part {
  ifname: string
  ref: string
  from: string | undefined
  frames: number
  unfit: number
}
/** How it is played. */
interface Manner {
  file: string
  speed: number
  /** Infinity: until it is told to stop. */
  times: number
}

const LOOPS = whole(0, 1_000_000_000)

/** Words behind `replay`. */
export async function replayFile(session: Session, words: string[]): Promise<number> {
  const { values, positionals } = parseVerb('replay', words, REPLAY)
  if (values.help || positionals[0] === 'help') {
    write(REPLAY_HELP)
    return 0
  }
  const [file, name, more] = positionals
  if (file === undefined || name === undefined)
    throw new UsageError('give a recording and the name of an interface: uveth replay call.pcapng veth0')
  if (more !== undefined) throw new UsageError(`replay takes one name, not "${more}" too`)
  const manner = { file, ...readManner(values) }
  if (file === '-' && (manner.times !== 1 || values['peer-from'] !== undefined))
    throw new UsageError('standard input can be read once: --loop and --peer-from need a file')
  const parts = await partsOf(session, name, values)
  const stop = stopSignal()
  const failure = await play(session, parts, manner, stop)
  if (failure === undefined || parts.some(({ frames }) => frames > 0)) tell(parts, session)
  if (failure !== undefined) throw failure.error
  return stop.aborted && manner.times !== Number.POSITIVE_INFINITY ? 128 + constants.signals[named(stop)] : 0
}

function named(stop: AbortSignal): NodeJS.Signals {
  return stop.reason as NodeJS.Signals
}

function readManner({ speed = '1', loop = '1' }: Values): Omit<Manner, 'file'> {
  if (speed !== 'max' && !(Number(speed) > 0 && Number.isFinite(Number(speed))))
    throw new UsageError(`--speed must be a number above 0, or max, not "${speed}"`)
  return {
    speed: speed === 'max' ? Number.POSITIVE_INFINITY : SPEED.read(Number(speed), '--speed'),
    times: LOOPS.read(written(loop), '--loop') || Number.POSITIVE_INFINITY,
  }
}

/** Whoever has `from` or `peer-from`; without either, the end that is named. */
async function partsOf(session: Session, name: string, values: Values): Promise<Part[]> {
  const ref = await session.ref(name)
  const { end, pair } = await session.client.call<{ end: 'a' | 'b'; pair: PairView }>('end.get', { ref })
  const { from, 'peer-from': peerFrom } = values
  for (const who of [from, peerFrom])
    if (who === '') throw new UsageError('--from takes the name of an interface or a MAC address')
  const part = (side: 'a' | 'b', whose: string | undefined): Part => {
    const { name, netnsInode } = pair[side]
    return { ifname: name, ref: `${name}@${showInode(netnsInode)}`, from: whose, frames: 0, unfit: 0 }
  }
  return [
    ...(from !== undefined || peerFrom === undefined ? [part(end, from)] : []),
    ...(peerFrom !== undefined ? [part(end === 'a' ? 'b' : 'a', peerFrom)] : []),
  ]
}

/** Both ends at once. What has gone wrong is answered, since something was sent before. */
async function play(
  session: Session,
  parts: readonly Part[],
  manner: Manner,
  stop: AbortSignal,
): Promise<{ error: unknown } | undefined> {
  const progress = new Progress(process.stderr, undefined, 'frames')
  const over = new AbortController()
  const end = () => over.abort()
  stop.addEventListener('abort', end, { once: true })
  let failure: { error: unknown } | undefined
  const plays = parts.map(async (part) => {
    try {
      await playPart(session, part, manner, { over, progress })
    } catch (error) {
      failure ??= { error }
      end()
    }
  })
  await Promise.all(plays)
  progress.clear()
  // More of it is waited for no more.
  if (manner.file === '-') process.stdin.destroy()
  return failure
}

async function playPart(
  { client }: Session,
  part: Part,
  manner: Manner,
  { over, progress }: { over: AbortController; progress: Progress },
): Promise<void> {
  const { signal } = over
  // What the daemon refuses ends the reading; end() throws it.
  const upload = client.replay(part.ref, () => over.abort())
  let failure: { error: unknown } | undefined
  try {
    await upload.write(HEAD)
    await readInto(upload, part, manner, { signal, step: () => progress.step() })
  } catch (error) {
    if (!signal.aborted) failure = { error }
  }
  part.frames = await upload.end()
  if (failure !== undefined) throw failure.error
}

async function readInto(
  upload: ReplayUpload,
  part: Part,
  { file, speed, times }: Manner,
  { signal, step }: { signal: AbortSignal; step: () => void },
): Promise<void> {
  const { from } = part
  const options = { speed, signal, ...(from !== undefined && { from }) }
  for (let time = 0; time < times && !signal.aborted; time++) {
    const { frames, unfit } = await replay(file === '-' ? process.stdin : file, options, async (frame) => {
      await upload.write(packet(frame))
      step()
    })
    part.unfit += unfit
    if (frames > 0) continue
    if (from === undefined) return
    throw new UvethError(`EINVAL: ${file} has no frame that '${from}' sent`, { code: 'EINVAL' })
  }
}

/** Of a classic pcap of Ethernet, whose times say nothing: a frame is sent to the daemon when it is due. */
const HEAD = Buffer.alloc(24)
HEAD.writeUInt32LE(0xa1b2c3d4)
HEAD.writeUInt32LE(1, 20)

function packet(frame: Uint8Array): Uint8Array {
  const whole = Buffer.alloc(16 + frame.length)
  whole.writeUInt32LE(frame.length, 8)
  whole.writeUInt32LE(frame.length, 12)
  whole.set(frame, 16)
  return whole
}

function tell(parts: readonly Part[], { globals }: Session): void {
  for (const { ifname, frames, unfit } of parts) {
    if (globals.json) writeJson({ ifname, frames, unfit }, globals)
    else {
      const rest = unfit === 0 ? '' : `, ${unfit} left out`
      write(`${legible(ifname)}: ${frames} ${frames === 1 ? 'frame' : 'frames'}${rest}\n`)
    }
  }
}
