// Texts of files that impairments are made of, and whoever may read them: the command, with the rights of its user.
// Called by impair-words.ts. Pure; what the numbers are worth is for their shape to say (wishes/tables.ts).

import { invalid } from '../errors.js'
import {
  type DistributionTable,
  ENTRY_RANGE,
  MOST_ENTRIES,
  MOST_OPPORTUNITIES,
  type RateTrace,
} from '../wishes/tables.js'
import { DAY } from '../wishes/times.js'

/** The numbers of a table as iproute2 has them: apart by white space, with comments behind #. */
export function parseTable(text: string, name: string): DistributionTable {
  const table = [...numbersOf(text, name, ENTRY_RANGE)].map(([number]) => number)
  if (table.length > MOST_ENTRIES) throw invalid(`${name} has more than ${MOST_ENTRIES} numbers`)
  return { table, name }
}

/** A trace as Mahimahi has them: a number in each line. */
export function parseTrace(text: string, name: string): RateTrace {
  const times: number[] = []
  let last = 0
  for (const [time, line] of numbersOf(text, name, [0, DAY])) {
    if (time < last) throw invalid(`${name}:${line}: ${time} is less than ${last} before it`)
    if (times.push(time) > MOST_OPPORTUNITIES)
      throw invalid(`${name} has more than ${MOST_OPPORTUNITIES} times`)
    last = time
  }
  if (last === 0) throw invalid(`${name} is over at 0 ms: its last time is its length`)
  return { times, name }
}

/** With the number of its line. */
function* numbersOf(
  text: string,
  name: string,
  [least, most]: readonly [number, number],
): Generator<readonly [value: number, line: number]> {
  let some = false
  for (const [line, words] of text.split('\n').entries())
    for (const word of words.replace(/#.*/, '').split(/\s+/)) {
      if (word === '') continue
      if (!/^-?\d{1,9}$/.test(word))
        throw invalid(`${name}:${line + 1}: "${word.slice(0, 40)}" is not a whole number`)
      if (Number(word) < least || Number(word) > most)
        throw invalid(`${name}:${line + 1}: ${word} is not from ${least} to ${most}`)
      some = true
      yield [Number(word), line + 1]
    }
  if (!some) throw invalid(`${name} has no numbers`)
}
