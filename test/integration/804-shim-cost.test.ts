// What a line costs that is not ours. Times are test/bench/shim.mjs's to take; here it is counted that the shim
// becomes the real ip, and starts no process on the way. In a fresh namespace of process ids the next process
// is number 2.

import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { Folder } from '../support/daemon.js'
import { SHIMS } from '../support/shim-folders.js'
import { needs } from '../support/skip.js'

const LINES = [
  'addr show',
  'link',
  '-n blue -j -d link show dev veth0',
  'link add br0 type bridge',
  'link set veth0 master br0',
  'netns exec blue true',
  'route add default via 192.0.2.1',
  '-6 neigh flush all',
]

needs('root', 'unshare').each(SHIMS.flatMap((shim) => LINES.map((line) => ({ shim, line }))))(
  '$shim/ip $line: no process, and the same one',
  ({ shim, line }) => {
    using folder = new Folder()
    const fake = folder.file('ip')
    writeFileSync(fake, `#!/bin/sh\necho "$$"; sh -c 'echo "$$"'; echo "$*"\n`)
    chmodSync(fake, 0o755)
    const said = execFileSync('unshare', ['--pid', '--fork', `${shim}/ip`, ...line.split(' ')], {
      encoding: 'utf8',
      env: { PATH: `${shim}:${folder.path}:${process.env.PATH}` },
    })
    expect(said).toBe(`1\n2\n${line}\n`)
  },
)
