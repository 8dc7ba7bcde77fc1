// Texts of files that impairments are made of, and whoever may read them: the command, with the rights of its user.
// Called by impair-words.ts. Pure; what the numbers are worth is for their shape to say (wishes/tables.ts).

import { invalid } from '../errors.js'
import type { DistributionTable } from '../wishes/tables.js'

/** The numbers of a table as iproute2 has them: apart by white space, with comments behind #. */
export function parseTable(text: string, name: string): DistributionTable {
  const table = text.split('\n').flatMap((line, number) =>
    line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => {
        if (/^-?\d{1,9}$/.test(word)) return Number(word)
        throw invalid(`${name}:${number + 1}: "${word.slice(0, 40)}" is not a whole number`)
      }),
  )
  if (table.length === 0) throw invalid(`${name} has no numbers`)
  return { table, name }
}
