// `--memory SIZE` of the verbs that keep pairs. Called by run.ts and daemon/daemon.ts; what it means stands in
// wishes/memory.ts.

import { UvethError } from '../errors.js'
import { MEMORY } from '../wishes/memory.js'
import { UsageError } from './usage.js'

/** Bytes; undefined where it is not given. */
export function memoryOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  try {
    return MEMORY.read(text, '--memory')
  } catch (error) {
    if (error instanceof UvethError) throw new UsageError(error.message.replace(/^EINVAL: /, ''))
    throw error
  }
}
