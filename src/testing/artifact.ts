// Files that a test leaves behind when it failed: its capture and the report, under the test's name. Used by
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
  /** Path of the capture; undefined when there was none to keep. */
  capture: string | undefined
  /** Writes the report beside it. */
  report(text: string): Promise<void>
}

/** Keeps the capture `file` in `folder`; tests of the same name, also in other processes, are numbered. */
export async function keep(folder: string, test: string, file: string | undefined): Promise<Artifacts> {
  await mkdir(folder, { recursive: true })
  for (let number = 1; ; number++) {
    const path = join(folder, `${fileName(test)}${number === 1 ? '' : `-${number}`}`)
    const report = (text: string) => writeFile(`${path}.txt`, `${text}\n`)
    try {
      if (file === undefined) await writeFile(`${path}.txt`, '', { flag: 'wx' })
      else await copyReadable(file, `${path}.pcapng`)
      return { capture: file && `${path}.pcapng`, report }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

async function copyReadable(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL)
  await chmod(to, MODE & ~process.umask())
}
