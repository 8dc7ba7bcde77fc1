// Helps, as they are: every verb has one, within the width of a terminal; and the manual pages that scripts/man.js makes
// of them.

import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pageOf } from '../../../scripts/man.js'
import { VERBS } from '../../../src/cli/words.js'
import { needs } from '../../support/skip.js'

const SOURCES = new URL('../../../src/cli/', import.meta.url).pathname
const { man } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))

/** Of every file of the command, its helps as they stand there. */
const helps = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => {
    const source = readFileSync(join(SOURCES, file), 'utf8')
    return [...source.matchAll(/HELP = `(.*?)^`$/gms)].map(([, text = '']) => ({ file, text }))
  })

test('within 80 columns', () => {
  expect(helps.length).toBeGreaterThan(10)
  const lines = helps.flatMap(({ file, text }) => text.split('\n').map((line) => `${file}: ${line}`))
  const width = (line: string) => line.slice(line.indexOf(': ') + 2).replaceAll('\\`', '`').length
  expect(lines.filter((line) => width(line) > 80 && !line.includes('LIMIT_NAMES.map'))).toEqual([])
})

test('every verb but a short form has its page', () => {
  const pages = VERBS.filter((verb) => !['add', 'help'].includes(verb)).map(
    (verb) => `./dist/man/uveth-${verb}.8`,
  )
  expect([...man].sort()).toEqual(['./dist/man/uveth.8', ...pages].sort())
})

const HELP = `uveth x: does a thing - well

Usage: uveth x NAME
       uveth x --all

WORDS:
  --all             all of them,
                    and more
  --long WORD|OTHER
                    'quoted'

.hidden text

  a  b   c
  literal \\n

Examples:
  uveth x --all
`

describe('a manual page', () => {
  test('says what the help says', () => {
    expect(pageOf('uveth-x', HELP, '1.2.3', ['uveth', 'uveth-x'])).toBe(`.TH UVETH\\-X 8 "" "uveth 1.2.3"
.SH NAME
uveth\\-x \\- does a thing \\- well
.SH SYNOPSIS
.PP
.nf
uveth x NAME
uveth x \\-\\-all
.fi
.SH DESCRIPTION
.PP
WORDS:
.TP
.B \\-\\-all
all of them,
and more
.TP
.B \\-\\-long WORD|OTHER
\\&'quoted'
.PP
\\&.hidden text
.PP
.nf
  a  b   c
  literal \\en
.fi
.SH EXAMPLES
.PP
.nf
  uveth x \\-\\-all
.fi
.SH SEE ALSO
.BR uveth (8),
.BR ip\\-link (8)
`)
  })

  needs('groff')('groff finds nothing to complain of', () => {
    for (const { text } of helps) {
      const page = pageOf('uveth-x', text, '1.2.3', ['uveth'])
      const { status, stderr } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-z'], {
        input: page,
        encoding: 'utf8',
      })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    }
    const bad = execFileSync('sh', ['-c', 'printf ".TH X 8\\n.XX y\\n" | groff -man -ww -Tutf8 -z 2>&1'], {
      encoding: 'utf8',
    })
    expect(bad).toContain('XX')
  })
})
