#!/usr/bin/env node
// The `uveth` command: finds the verb and runs it. Verbs are loaded when they are asked for, so that
// the command starts fast. Exit codes are iproute2's: 0; 1 usage or a bad value; 2 the kernel refused.

// Before anything else: without a listener Node opens its inspector on SIGUSR1.
process.on('SIGUSR1', () => {})

import { readFileSync } from 'node:fs'
import { UvethError } from '../errors.js'
import { UsageError } from './usage.js'

const HELP = `uveth: a virtual Ethernet cable in user space

Usage: uveth VERB [OPTIONS]

  run A B    make a pair of interfaces and forward between them until Ctrl-C

  uveth VERB --help    what a verb takes, with examples
  uveth --version      the version
`

async function main(words: string[]): Promise<number> {
  const [verb, ...rest] = words
  switch (verb) {
    case 'run':
      return (await import('./run.js')).run(rest)
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(HELP)
      return 0
    case '--version':
    case '-V':
      process.stdout.write(`uveth ${version()}\n`)
      return 0
    case undefined:
      process.stderr.write(HELP)
      return 1
    default:
      throw new UsageError(`unknown verb '${verb}': try uveth --help`)
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function exitCode(error: unknown): number {
  const refused = error instanceof UvethError && error.syscall !== undefined && error.attribute === undefined
  return refused ? 2 : 1
}

// A reader that went away (`| head`) is a normal end of output, not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const known = error instanceof UvethError || error instanceof UsageError
  process.stderr.write(`uveth: ${known ? error.message : (error as Error).stack}\n`)
  process.exitCode = exitCode(error)
}
