// A user's project that has installed the package, without a registry: the package itself is a copy of what
// was built, as an installed one is, and everything else in its node_modules is a link.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Program, type ProgramOptions } from './program.js'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What a run of this repository's own tests has set, and a user's has not. */
const CLEAN = { NO_COLOR: '1', UVETH_SEED: '', UVETH_ARTIFACTS: '', UVETH_TEST_SUMMARY: '' }

export class Project implements Disposable {
  readonly folder = mkdtempSync(`${tmpdir()}/uveth-project-`)

  constructor() {
    const modules = `${this.folder}/node_modules`
    mkdirSync(`${modules}/uveth`, { recursive: true })
    for (const name of readdirSync(`${ROOT}node_modules`)) {
      if (!name.startsWith('.') || name === '.bin')
        symlinkSync(`${ROOT}node_modules/${name}`, `${modules}/${name}`)
    }
    const built = (path: string) => !/native\/(src|target)/.test(path)
    for (const name of ['package.json', 'dist', 'native', 'testing.cjs']) {
      cpSync(`${ROOT}${name}`, `${modules}/uveth/${name}`, { recursive: true, filter: built })
    }
  }

  /** Copies a folder's files into it. */
  fill(from: string): this {
    const own = (path: string) => !/\/(node_modules|uveth-artifacts)/.test(path.slice(from.length))
    cpSync(from, this.folder, { recursive: true, filter: own })
    return this
  }

  /** Starts a shell line in it. */
  start(line: string, { env, ...options }: ProgramOptions = {}): Program {
    return new Program(['sh', '-c', `cd '${this.folder}' && ${line}`], {
      ...options,
      env: { ...CLEAN, ...env },
    })
  }

  /** Names of what failing tests have kept. */
  get artifacts(): string[] {
    const kept = readdirSync(this.folder).includes('uveth-artifacts')
    return kept ? readdirSync(`${this.folder}/uveth-artifacts`) : []
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}
