// The page's files, as the package has them in dist/page. Read once, when the server starts: what is not in the map
// cannot be asked for, whatever a path says. Called by server.ts.

import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'

export interface File {
  type: string
  bytes: Buffer
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** By their paths; `/` is index.html. */
export function readFiles(folder = new URL('../page/', import.meta.url)): ReadonlyMap<string, File> {
  const names = readdirSync(folder).filter((name) => extname(name) in TYPES)
  return new Map(
    names.map((name) => [
      name === 'index.html' ? '/' : `/${name}`,
      { type: TYPES[extname(name)] as string, bytes: readFileSync(new URL(name, folder)) },
    ]),
  )
}
