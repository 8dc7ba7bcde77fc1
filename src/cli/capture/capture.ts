// `uveth capture X`: what crosses a pair, as pcapng with what became of each frame, into a file, a ring of files
// or a pipe. Starts no daemon. The daemon streams, this command writes, with the rights of its user.

import type { CaptureStream } from '../../contract/client.js'
import { renamed } from '../../errors.js'
import { parseMatchWords, ruleWord } from '../../faults/rule-words.js'
import type { Rotation } from '../../index.js'
import { legible } from '../../legible.js'
import { ROTATION } from '../../wishes/capture.js'
import { parseSize } from '../../wishes/units.js'
import { written } from '../../wishes/words.js'
import { lostSentence, stopSignal } from '../failure.js'
import { CAPTURE_HELP } from '../help-seen.js'
import { CAPTURE } from '../options.js'
import { type Session, write } from '../session.js'
import { parseVerb, UsageError } from '../usage.js'
import { type Recorded, record } from './recording.js'

interface Queried {
  end?: string | undefined
  both?: boolean | undefined
  snaplen?: string | undefined
}
type Values = ReturnType<typeof parseVerb<typeof CAPTURE>>['values']

/** Words behind `capture`. */
export async function capture(session: Session, words: string[]): Promise<number> {
  const { values, positionals } = parseVerb('capture', joinNegative(words), CAPTURE)
  if (values.help || positionals[0] === 'help') {
    write(CAPTURE_HELP)
    return 0
  }
  const [ref, ...match] = positionals
  if (ref === undefined) throw new UsageError('give the name of an interface: uveth capture veth0')
  const ring = readRing(values)
  const path = readPath(values, ring)
  const query = {
    ...queryOf(values),
    ...(match.length > 0 && { match: JSON.stringify(parseMatchWords(match)) }),
  }
  const stop = stopSignal()
  const before = await daemonOf(session)
  const stream = await openStream(session, await session.ref(ref), query)
  say(`capturing ${ref}${path === '-' ? '' : ` into ${path}`}; Ctrl-C ends it`)
  const recorded = await record(stream, path, stop, ring)
  say(summaryOf(recorded))
  if (!stop.aborted && !recorded.cut && ![before, undefined].includes(await daemonOf(session)))
    complain(
      'another process took the place of the daemon: the capture is complete up to then, a new one goes on',
    )
  return conclude(recorded)
}

/** Which process it is, while one listens. */
async function daemonOf({ client }: Session): Promise<number | undefined> {
  const asked = client.call<{ pid: number }>('version')
  return (await asked.catch(() => undefined))?.pid
}

/** `--snaplen -5` as `--snaplen=-5`, for a sentence about the number: to parseArgs it is an option of its own. */
export function joinNegative(words: string[]): string[] {
  const joined: string[] = []
  for (const word of words) {
    if (/^-\d/.test(word) && /^--[a-z]+$/.test(joined.at(-1) ?? '')) joined.push(`${joined.pop()}=${word}`)
    else joined.push(word)
  }
  return joined
}

/** Says what is missing from the file, to programs too; answers the status. */
export function conclude({ lost, cut }: Recorded): number {
  if (lost > 0) complain(`${lostSentence(lost)}; --snaplen, --end or a match make it less`)
  if (cut)
    complain('the daemon ended in the middle of the capture: what had come is complete, the rest is missing')
  return cut ? 2 : 0
}

/** Options in the words of the daemon. */
export function queryOf({ end, both, snaplen }: Queried): Record<string, string> {
  return {
    ...(end !== undefined && { end }),
    ...(both && { both: 'true' }),
    ...(snaplen !== undefined && { snaplen }),
  }
}

/** What the daemon refuses is told in the words of the command. */
export async function openStream(
  { client }: Session,
  ref: string,
  query: Record<string, string>,
): Promise<CaptureStream> {
  try {
    return await client.capture(ref, query)
  } catch (error) {
    throw renamed(error, (attribute) =>
      attribute.startsWith('match') ? ruleWord(attribute) : `--${attribute}`,
    )
  }
}

function readPath({ write: path = '-' }: Values, ring: Rotation | undefined): string {
  if (path === '') throw new UsageError('-w takes the name of a file, or - for standard output')
  if (path !== '-') return path
  if (ring !== undefined) throw new UsageError('a ring of files needs a name: -w FILE')
  if (process.stdout.isTTY)
    throw new UsageError('a capture is no text: write it to a file (-w FILE) or into a pipe (| tshark -i -)')
  return path
}

function readRing({ filesize, seconds, files }: Values): Rotation | undefined {
  if (filesize === undefined && seconds === undefined) {
    if (files !== undefined) throw new UsageError('--files needs --filesize or --seconds')
    return undefined
  }
  const { bytes: size, seconds: time, files: number } = ROTATION.parts
  return {
    bytes: filesize === undefined ? undefined : size.read(parseSize(filesize) ?? filesize, '--filesize'),
    seconds:
      seconds === undefined
        ? undefined
        : time.read(/^\d+\.\d+$/.test(seconds) ? Number(seconds) : written(seconds), '--seconds'),
    files: files === undefined ? undefined : number.read(written(files), '--files'),
  }
}

function summaryOf({ frames, bytes, lost, files }: Recorded): string {
  const into = files.length > 1 ? ` in ${files.length} files` : ''
  return `${frames} frames, ${bytes} bytes${into}, ${lost} lost`
}

/** For people only: programs read standard error for errors. */
function say(sentence: string): void {
  if (process.stderr.isTTY) complain(sentence)
}

function complain(sentence: string): void {
  process.stderr.write(`uveth: ${legible(sentence)}\n`)
}
