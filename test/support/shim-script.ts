// The shim, as the script or the built client, in a package of its own between scripts that note how they were called:
// the `ip` and `tc` behind it and the `node` that it starts. `using setting = new ShimScript(kind)`, then
// `setting.called(['link', 'show'])`.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
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
import { basename, join } from 'node:path'
import { SCRIPTS, SHIMS } from './shim-folders.js'

/** `script`, and `client` where it was built. */
export const KINDS = SHIMS.map((folder) => (folder === SCRIPTS ? 'script' : 'client'))
type Kind = (typeof KINDS)[number]

/** Notes `NAME<TAB>WORD<TAB>WORD…` and what an `ip -batch -` reads; ends with CODE. */
const FAKE = `#!/bin/sh
{ printf '%s' "\${0##*/}"; for word; do printf '\\t%s' "$word"; done; printf '\\n'; } >> "$NOTES"
case " $* " in
  *' -batch - '*|*' -b - '*) [ "\${0##*/}" = node ] || cat >> "$NOTES" ;;
esac
exit "\${CODE:-0}"
`

export interface Call {
  /** Folders of PATH; default: the shim's, then the fake ones'. */
  path?: string[]
  input?: string
  /** What the others end with. */
  code?: number
  command?: string
  /** Of a daemon; default: where none listens. */
  socket?: string
}

export interface Called {
  /** What the others were called with, a line each. */
  notes: string[]
  code: number | null
  said: string
}

export class ShimScript implements Disposable {
  readonly kind: Kind
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'uvt-shim-')))
  readonly bin = join(this.folder, 'bin')
  /** The folder of `ip` and `tc`. */
  readonly shim: string
  /** What it starts Node with. */
  readonly main: string
  readonly real = join(this.bin, 'ip')

  constructor(kind: Kind = 'script') {
    this.kind = kind
    this.shim = this.copy('package')
    this.main = join(this.shim, kind === 'script' ? '../dist/cli/main.js' : '../../../dist/cli/main.js')
    mkdirSync(this.bin)
    for (const name of ['ip', 'tc', 'node']) {
      writeFileSync(join(this.bin, name), FAKE)
      chmodSync(join(this.bin, name), 0o755)
    }
  }

  /** Another package with the shim in it: its folder. */
  copy(name: string): string {
    const from = SHIMS[KINDS.indexOf(this.kind)] ?? SCRIPTS
    const shim = join(this.folder, name, this.kind === 'script' ? 'shim' : `native/shim/${basename(from)}`)
    cpSync(from, shim, { recursive: true })
    mkdirSync(join(this.folder, name, 'dist/cli'), { recursive: true })
    writeFileSync(join(this.folder, name, 'dist/cli/main.js'), '')
    return shim
  }

  called(words: readonly string[], call: Call = {}): Called {
    const { input = '', command = join(this.shim, 'ip') } = call
    const { status, stdout, stderr } = spawnSync(command, words, {
      input,
      encoding: 'utf8',
      env: this.#environment(call),
    })
    return { notes: this.#noted(), code: status, said: stdout + stderr }
  }

  /** While this process goes on, as a daemon has to. */
  async calledMeanwhile(words: readonly string[], call: Call = {}): Promise<Called> {
    const { command = join(this.shim, 'ip') } = call
    const child: ChildProcess = spawn(command, words, { env: this.#environment(call) })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    child.stdin?.on('error', () => {}).end(call.input ?? '')
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { notes: this.#noted(), code, said }
  }

  #environment({ path, code = 0, socket = join(this.folder, 'nobody') }: Call): Record<string, string> {
    const notes = join(this.folder, 'notes')
    writeFileSync(notes, '')
    const folders = [...(path ?? [this.shim, this.bin]), '/usr/bin', '/bin']
    return { PATH: folders.join(':'), NOTES: notes, CODE: String(code), UVETH_SOCKET: socket }
  }

  #noted(): string[] {
    const noted = readFileSync(join(this.folder, 'notes'), 'utf8').split('\n').slice(0, -1)
    return noted.map((line) => line.replaceAll('\t', ' '))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}
