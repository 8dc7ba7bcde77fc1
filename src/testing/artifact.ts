// Files that a test leaves behind when it failed: its captures and the report, under the test's name. Used by
// testbed.ts.

import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const LONGEST_NAME = 120
/** What a file is made with: who uploads it may not be root, and a copy has its original's. */
const MODE = 0o666

/** `client.test.ts-retries-when-the-reply-is-lost`. */
export function fileName(test: string): string {
  const name = test.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|-+$/g, '')
  return [...name].slice(0, LONGEST_NAME).join('') || 'test'
}

export interface Artifacts {
  /** Paths of the captures; empty when there were none to keep. */
  captures: readonly string[]
  /** Writes the report beside them. */
  report(text: string): Promise<void>
}

/** A capture: `of` stands in its name, where the test has several. */
export interface Captured {
  readonly of: string
  readonly path: string
}

/** Keeps the captures in `folder`; tests of the same name, also in other processes, are numbered. */
export async function keep(folder: string, test: string, files: readonly Captured[]): Promise<Artifacts> {
  await mkdir(folder, { recursive: true })
  for (let number = 1; ; number++) {
    const path = join(folder, `${fileName(test)}${number === 1 ? '' : `-${number}`}`)
    const report = (text: string) => writeFile(`${path}.txt`, `${text}\n`)
    const captures: string[] = []
    try {
      if (files.length === 0) await writeFile(`${path}.txt`, '', { flag: 'wx' })
      for (const file of files) {
        captures.push(`${path}${file.of && `-${file.of}`}.pcapng`)
        await copyReadable(file.path, captures.at(-1) as string)
      }
      return { captures, report }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

async function copyReadable(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL)
  await chmod(to, MODE & ~process.umask())
}
