// Who may ask the server of `uveth web` for what: a request in, what is to be done with it out. Pure; called by server.ts.
// A page of another origin, a name that leads to loopback (DNS rebinding) and whoever has no token come no further than
// here, and of the daemon's orders there are only those that the page needs.

import { createHash, timingSafeEqual } from 'node:crypto'
import { OPS, type Op, type OpName } from '../contract/ops.js'
import { type Problem, problem } from '../servers/problem.js'

/** The orders that the page gives. A capture has a way of its own (captures.ts). */
const ORDERS = [
  'pair.list',
  'stats.list',
  'pair.set',
  'impair.get',
  'impair.set',
  'impair.patch',
  'impair.del',
  'events',
  'health',
] as const satisfies readonly OpName[]
export type Order = (typeof ORDERS)[number]

export interface Asked {
  method: string
  /** As it stands in the request's first line. */
  url: string
  headers: { host?: string | undefined; origin?: string | undefined; authorization?: string | undefined }
}

export type Way =
  | { kind: 'file'; path: string }
  | { kind: 'order'; name: Order }
  | { kind: 'capture'; order: 'begin' }
  | { kind: 'capture'; order: 'read' | 'end'; id: string }
  | { kind: 'refusal'; document: Problem; allow?: string }

export interface Gate {
  token: string
  /** What `host` may be: `127.0.0.1:8080` and so on. */
  hosts: readonly string[]
  /** Paths of files, `/` among them. */
  files: ReadonlySet<string>
}

/** With the token in it; the name of the file is what a browser calls it. */
const CAPTURE = /^\/captures\/([\w-]{20,64})(?:\/[^/]*)?$/

const FOREIGN = 'this is served to its own address only'
const NO_TOKEN = 'the token is missing or wrong: open the address that uveth web has printed'

export function wayOf({ method, url, headers }: Asked, gate: Gate): Way {
  const { host = '', origin } = headers
  if (!gate.hosts.includes(host.toLowerCase())) return refusal(403, `EACCES: ${FOREIGN}, not to '${host}'`)
  if (origin !== undefined && origin !== `http://${host}`)
    return refusal(403, `EACCES: ${FOREIGN}, not to pages of '${origin}'`)
  const path = url.split('?')[0] ?? ''
  if (gate.files.has(path)) return only(['GET', 'HEAD'], method, path) ?? { kind: 'file', path }
  const capture = CAPTURE.exec(path)?.[1]
  // A browser's download has no header of ours: its path is as secret as the token, and is read once.
  if (capture !== undefined && method === 'GET') return { kind: 'capture', order: 'read', id: capture }
  if (!isToken(headers.authorization, gate.token)) return refusal(401, `EACCES: ${NO_TOKEN}`)
  if (capture !== undefined)
    return only(['GET', 'DELETE'], method, path) ?? { kind: 'capture', order: 'end', id: capture }
  if (path === '/captures') return only(['POST'], method, path) ?? { kind: 'capture', order: 'begin' }
  return orderOf(method, path)
}

function orderOf(method: string, path: string): Way {
  const there = ORDERS.filter((name) => patternOf(OPS[name]).test(path))
  const name = there.find((one) => OPS[one].method === method)
  if (name !== undefined) return { kind: 'order', name }
  const known = there.map((one) => OPS[one].method)
  return only(known, method, path) ?? refusal(404, `ENOENT: nothing is at ${path}`)
}

/** A part of a path is what stands between slashes, and nothing that leads elsewhere. */
function patternOf({ path }: Op): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, '(?!\\.{1,2}(?:/|$))[^/?#]+')}$`)
}

/** Undefined where the method fits, or there are none. */
function only(methods: readonly string[], method: string, path: string): Way | undefined {
  if (methods.length === 0 || methods.includes(method)) return undefined
  const allow = methods.join(', ')
  return { ...refusal(405, `EOPNOTSUPP: ${path} takes ${allow}, not ${method}`), allow }
}

function refusal(status: number, detail: string) {
  const [code] = detail.split(':')
  return { kind: 'refusal' as const, document: problem(status, detail, { code: code as string }) }
}

/** In a time that says nothing of how much of it is right. */
function isToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`))
}
