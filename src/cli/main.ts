#!/usr/bin/env node
// The file that is run as `uveth`: it hands over to command.ts, which has the verbs. It imports nothing itself: what
// stands in the way of loading the rest (no descriptors left) is one sentence, as every other failure.

// Before anything else: without a listener Node opens its inspector on SIGUSR1.
process.on('SIGUSR1', () => {})

import('./command.js').catch((error: NodeJS.ErrnoException) => {
  process.exitCode = 2
  process.stderr.write(`uveth: ${error.syscall === undefined ? error.stack : error.message}\n`)
})
