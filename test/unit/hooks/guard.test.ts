// How a user's hook module is loaded, and what is said of one that Node cannot read.

import { expect, test } from 'vitest'
import { hookFrom } from '../../../src/hooks/guard.js'

const refused = (code: string, message: string) =>
  Promise.reject(Object.assign(new TypeError(message), { code }))

test('TypeScript on a Node that does not load it: the versions that do are named', async () => {
  const loading = refused('ERR_UNKNOWN_FILE_EXTENSION', 'Unknown file extension ".ts" for /hooks/lossy.ts')
  await expect(hookFrom(loading, undefined)).rejects.toThrow(
    /^Node [\d.]+ does not load TypeScript, Node 22\.18, 23\.6 and newer do: give the compiled module \(Unknown/,
  )
})

test('any other failure is the loader’s own', async () => {
  const other = 'Unknown file extension ".wat" for /hooks/lossy.wat'
  await expect(hookFrom(refused('ERR_UNKNOWN_FILE_EXTENSION', other), undefined)).rejects.toThrow(other)
  await expect(hookFrom(refused('ERR_MODULE_NOT_FOUND', 'not found'), undefined)).rejects.toThrow(
    /^not found$/,
  )
})
