// Files that words name, for who gives an order: read with the rights of its user, so that the daemon opens none. Small
// ones: tables.

import { fs } from '../builtins.js'
import { invalid, ofNode } from '../errors.js'

/** Bytes. The longest trace that is allowed has some 2 MB. */
const LONGEST = 4 << 20

/** As it is; a pipe, too. */
export function readText(path: string): string {
  try {
    const fd = fs.openSync(path, 'r')
    try {
      return textOf(fd, path)
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    throw ofNode(error, path)
  }
}

function textOf(fd: number, path: string): string {
  const bytes = Buffer.alloc(LONGEST + 1)
  let length = 0
  for (let read = -1; read !== 0 && length <= LONGEST; length += read)
    read = fs.readSync(fd, bytes, length, bytes.length - length, null)
  if (length > LONGEST) throw invalid(`${path} is longer than ${LONGEST} bytes: that is no table`)
  return bytes.toString('utf8', 0, length)
}
