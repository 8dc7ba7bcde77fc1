// `uveth link set X schedule FILE|show|off`: what X's impairment and the carrier are to be at which time. The file is
// read here, with the rights of its user. Called by faults.ts.

import { formatSchedule, formatStep, parseSchedule as parseFile } from '../../faults/schedule-words.js'
import type { ScheduleView } from '../../index.js'
import { matches, wrong } from '../../iproute/words.js'
import { legible } from '../../legible.js'
import type { ReadText } from '../../wishes/words.js'
import { type Globals, readTrailing } from '../globals.js'
import { type Session, write, writeJson } from '../session.js'
import { UsageError } from '../usage.js'
import { readYaml } from '../yaml-file.js'

export type ScheduleOrder =
  | { fault: 'schedule'; order: 'show'; words: string[] }
  | { fault: 'schedule'; order: 'off' }
  | { fault: 'schedule'; order: 'set'; file: string }

/** Words behind `schedule`. */
export function parseSchedule([word, ...more]: string[]): ScheduleOrder {
  if (word === undefined) throw new UsageError('schedule takes a file, "show" or "off"')
  if (word.length > 1 && matches(word, 'show')) return { fault: 'schedule', order: 'show', words: more }
  if (more[0] !== undefined)
    throw wrong(more[0], 'schedule takes a file, "show" or "off", and nothing behind it')
  return word === 'off'
    ? { fault: 'schedule', order: 'off' }
    : { fault: 'schedule', order: 'set', file: word }
}

export async function giveSchedule(
  session: Session,
  given: ScheduleOrder & { ref: string },
): Promise<number> {
  const { client, globals } = session
  // A bad file is refused before the daemon is asked.
  const body = given.order === 'set' ? await readYaml(given.file, planned) : {}
  const ref = await session.ref(given.ref)
  if (given.order === 'off') await client.call('schedule.del', { ref })
  else if (given.order === 'set') {
    const view = await client.call<ScheduleView>('schedule.set', { ref, body })
    if (globals.json) writeJson(view, globals)
  } else {
    const shown = readShown(globals, given.words)
    const view = await client.call<ScheduleView | null>('schedule.get', { ref })
    if (shown.json) writeJson(view, shown)
    else write(`${view === null ? 'none' : linesOf(legible(view)).join('\n')}\n`)
  }
  return 0
}

function planned(file: unknown, beside: ReadText): object {
  return parseFile(file, '', beside)
}

function linesOf(view: ScheduleView): string[] {
  return [formatSchedule(view), ...view.steps.map((step) => `  ${formatStep(step)}`)]
}

/** Options about the output may also stand behind `show`. */
export function readShown(globals: Globals, words: string[]): Globals {
  const { globals: shown, rest } = readTrailing(globals, words)
  if (rest[0] !== undefined) throw wrong(rest[0], '"show" takes no words')
  return shown
}
