// The shim in a folder of its own, between scripts that note how they were called: the `ip` behind it and the
// `node` that it starts. `using setting = new ShimScript()`, then `setting.called(['link', 'show'])`.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SHIM = new URL('../../shim/', import.meta.url).pathname

/** Notes `NAME<TAB>WORD<TAB>WORD…` and what an `ip -batch -` reads; ends with CODE. */
const FAKE = `#!/bin/sh
{ printf '%s' "\${0##*/}"; for word; do printf '\\t%s' "$word"; done; printf '\\n'; } >> "$NOTES"
case " $* " in
  *' -o link show '*) printf '%s' "$LINES_OF_IP"; exit 0 ;;
  *' -batch - '*|*' -b - '*) [ "\${0##*/}" = node ] || cat >> "$NOTES" ;;
esac
exit "\${CODE:-0}"
`

export interface Call {
  /** Folders of PATH; default: the shim's, then the fake ones'. */
  path?: string[]
  /** What `ip -o link show` prints. */
  lines?: string
  input?: string
  /** What the others end with. */
  code?: number
  command?: string
}

export class ShimScript implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'uvt-shim-')))
  readonly bin = join(this.folder, 'bin')
  /** The folder of the script. */
  readonly shim = this.copy('package')
  /** What it starts Node with. */
  readonly main = join(this.shim, '../dist/cli/main.js')
  readonly real = join(this.bin, 'ip')

  constructor() {
    mkdirSync(this.bin)
    for (const name of ['ip', 'node']) {
      writeFileSync(join(this.bin, name), FAKE)
      chmodSync(join(this.bin, name), 0o755)
    }
  }

  /** Another package with the shim in it: its folder. */
  copy(name: string): string {
    const shim = join(this.folder, name, 'shim')
    cpSync(SHIM, shim, { recursive: true })
    return shim
  }

  /** Runs the shim; `notes` are what the others were called with, a line each. */
  called(words: readonly string[], call: Call = {}): { notes: string[]; code: number | null; said: string } {
    const { lines = '', input = '', code = 0, command = join(this.shim, 'ip') } = call
    const notes = join(this.folder, 'notes')
    writeFileSync(notes, '')
    const path = [...(call.path ?? [this.shim, this.bin]), '/usr/bin', '/bin'].join(':')
    const { status, stdout, stderr } = spawnSync(command, words, {
      input,
      encoding: 'utf8',
      env: { PATH: path, NOTES: notes, LINES_OF_IP: lines, CODE: String(code) },
    })
    const noted = readFileSync(notes, 'utf8').split('\n').slice(0, -1)
    return { notes: noted.map((line) => line.replaceAll('\t', ' ')), code: status, said: stdout + stderr }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}
