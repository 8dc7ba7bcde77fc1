#!/usr/bin/env node
// The file that container runtimes run as `uveth-cni`. It imports nothing itself, as the command's own does.

process.on('SIGUSR1', () => {})

import('./plugin.js')
  .then(({ run }) => run(process.argv.slice(2), process.env))
  .catch((error: Error) => {
    process.exitCode = 1
    process.stdout.write(`${JSON.stringify({ cniVersion: '1.1.0', code: 999, msg: error.message })}\n`)
  })
