// Texts of files that impairments are made of, and whoever may read them: the command, with the rights of its user.
// Called by impair-words.ts. Pure; what the numbers are worth is for their shape to say (wishes/tables.ts).

import { invalid } from '../errors.js'
import { type DistributionTable, MOST_OPPORTUNITIES, type RateTrace } from '../wishes/tables.js'

/** The numbers of a table as iproute2 has them: apart by white space, with comments behind #. */
export function parseTable(text: string, name: string): DistributionTable {
  return { table: [...numbersOf(text, name)].map(([number]) => number), name }
}

/** A trace as Mahimahi has them: a number in each line. */
export function parseTrace(text: string, name: string): RateTrace {
  const times: number[] = []
  let last = 0
  for (const [time, line] of numbersOf(text, name)) {
    if (time < last) throw invalid(`${name}:${line}: ${time} is less than ${last} before it`)
    if (times.push(time) > MOST_OPPORTUNITIES)
      throw invalid(`${name} has more than ${MOST_OPPORTUNITIES} times`)
    last = time
  }
  if (last === 0) throw invalid(`${name} is over at 0 ms: its last time is its length`)
  return { times, name }
}

/** With the number of its line. */
function* numbersOf(text: string, name: string): Generator<readonly [value: number, line: number]> {
  let some = false
  for (const [line, words] of text.split('\n').entries())
    for (const word of words.replace(/#.*/, '').split(/\s+/)) {
      if (word === '') continue
      if (!/^-?\d{1,9}$/.test(word))
        throw invalid(`${name}:${line + 1}: "${word.slice(0, 40)}" is not a whole number`)
      some = true
      yield [Number(word), line + 1]
    }
  if (!some) throw invalid(`${name} has no numbers`)
}
