// The `uveth` command against a daemon of a test's own: `const uveth = commandOf(daemon)`, then
// `await uveth('link', 'show')`. Orders are given in the daemon's namespace unless `in` says otherwise.

import { chmodSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { COMMAND, type Folder, type TestDaemon } from './daemon.js'
import { type Outcome, type ProgramOptions, uvethOnce } from './program.js'

export type Command = (...words: string[]) => Promise<Outcome>

/** `options.netns`: where the command is run; default: the daemon's namespace. */
export function commandOf(daemon: TestDaemon, options: ProgramOptions = {}): Command {
  return (...words) =>
    uvethOnce(words, {
      netns: daemon.home.name,
      ...options,
      env: { UVETH_SOCKET: daemon.socket, ...options.env },
    })
}

/** A folder with the command in it, for shells: put it first on their PATH. */
export function commandFolder(folder: Folder): string {
  const path = folder.file('uveth')
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`)
  chmodSync(path, 0o755)
  return folder.path
}

/** What differs from run to run: indexes and random MAC addresses. */
export function masked(text: string): string {
  return text
    .replace(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC')
    .replace(/^\d+:/gm, 'N:')
    .replace(/@if\d+/g, '@ifN')
    .replace(/ qdisc (?!noop)\S+/g, ' qdisc QDISC')
    .replace(/ allmulti \d+/g, '') // of kernels from 6.0
    .replace(/uvt-\d+-[0-9a-f]{8}-/g, '')
}

/** What `ip` says when all is well: nothing. */
export const well = { code: 0, stdout: '', stderr: '' }

/** One line on stderr and nothing else. */
export function expectRefusal({ code, stdout, stderr }: Outcome, expected: number, sentence: RegExp): void {
  expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
  expect(stderr).toMatch(/^uveth: [^\n]+\n$/)
  expect(stderr).toMatch(sentence)
}
