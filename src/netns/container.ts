// Containers as network namespaces: asks the container engine of this machine, over its Unix socket, for the
// process that a container's name stands for. Called by names.ts, and loaded only for a name that is no
// other namespace. Docker's API, which Podman speaks too.

import { readFileSync, statSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { UvethError } from '../errors.js'
import { seesAllProcesses } from './processes.js'

const DEFAULT_SOCKET = '/var/run/docker.sock'
/** ms until an engine that has not said everything counts as stuck. */
const PATIENCE = 10_000
/** Characters of an answer; of a container with all its labels there are some ten thousand. */
const LONGEST_ANSWER = 4 << 20

/** As engines allow them; an id is one too. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

interface Inspected {
  Id?: string
  State?: { Status?: string; Pid?: number }
}

/**
 * The process id of the container `name`. Undefined where there is no engine, or `name` cannot be a
 * container's; `explicit`, then that is the error.
 */
export async function containerPid(
  name: string,
  explicit: boolean,
  patience = PATIENCE,
): Promise<number | undefined> {
  if (!NAME.test(name)) {
    if (explicit) throw refused('EINVAL', `'${name}' is no name of a container`)
    return undefined
  }
  const socket = engineSocket()
  if (socket === undefined || !isThere(socket)) {
    if (explicit || socket === undefined) throw noEngine(name, socket, explicit)
    return undefined
  }
  const { status, body } = await inspect(socket, name, patience).catch((error: NodeJS.ErrnoException) => {
    if (!explicit && error.code === 'ECONNREFUSED') return { status: 0, body: {} as Inspected }
    throw unreachable(name, socket, error)
  })
  if (status === 0) return undefined
  if (status === 404) throw missing(name, socket, explicit)
  if (status !== 200) throw refused('EPROTO', `the engine on '${socket}' answers ${status} for '${name}'`)
  const { Pid: pid = 0, Status: state = 'unknown' } = body.State ?? {}
  if (pid > 0) {
    if (seesAllProcesses() || isProcessOf(pid, body.Id)) return pid
    const remedy = 'in a container of its own uveth needs --pid host'
    throw refused('ESRCH', `the process of the container '${name}' is not to be seen from here: ${remedy}`)
  }
  throw refused('ESRCH', `the container '${name}' does not run (${state}): docker start ${name}`)
}

/**
 * The engine counts processes as its machine does. In another pid namespace that number may be anybody's: here it
 * is the container's only if its control group carries the container's id.
 */
export function isProcessOf(pid: number, id: string | undefined, proc = '/proc'): boolean {
  if (!id) return false
  try {
    return readFileSync(`${proc}/${pid}/cgroup`, 'utf8').includes(id)
  } catch {
    return false // no such process here
  }
}

/** Undefined where DOCKER_HOST leads to another machine, whose processes are not here. */
function engineSocket(): string | undefined {
  const host = process.env.DOCKER_HOST
  if (!host) return DEFAULT_SOCKET
  return host.startsWith('unix://') ? host.slice('unix://'.length) : undefined
}

function isThere(socket: string): boolean {
  return statSync(socket, { throwIfNoEntry: false }) !== undefined
}

async function inspect(
  socketPath: string,
  name: string,
  patience: number,
): Promise<{ status: number; body: Inspected }> {
  let give: (error: Error) => void = () => {}
  const stuck = setTimeout(() => give(new Error(`no whole answer within ${patience / 1000} s`)), patience)
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const path = `/containers/${encodeURIComponent(name)}/json`
      const sent = request({ socketPath, path, headers: { host: 'localhost' }, agent: false }, resolve)
      give = (error) => sent.destroy(error)
      sent.once('error', reject)
      sent.end()
    })
    give = (error) => answer.destroy(error)
    let text = ''
    for await (const part of answer.setEncoding('utf8')) {
      text += part
      if (text.length > LONGEST_ANSWER) throw new Error(`its answer is longer than ${LONGEST_ANSWER} bytes`)
    }
    const status = answer.statusCode ?? 0
    return { status, body: status === 200 ? readInspected(text) : {} }
  } finally {
    clearTimeout(stuck)
  }
}

/** Whatever else speaks HTTP there. */
function readInspected(text: string): Inspected {
  const value = JSON.parse(text) as {
    Id?: unknown
    State?: { Status?: unknown; Pid?: unknown } | null
  } | null
  if (typeof value !== 'object' || value === null) throw new Error('its answer is no container')
  const { Status, Pid } = value.State ?? {}
  const state = {
    ...(typeof Status === 'string' && { Status }),
    ...(Number.isSafeInteger(Pid) && { Pid: Pid as number }),
  }
  return { State: state, ...(typeof value.Id === 'string' && { Id: value.Id }) }
}

function missing(name: string, socket: string, explicit: boolean): UvethError {
  const found = explicit ? 'no container' : 'no network namespace under /run/netns and no container'
  const remedy = explicit ? 'docker ps names them' : `ip netns add ${name}, or docker ps`
  return refused('ENOENT', `'${name}' is ${found} of the engine on '${socket}' (${remedy})`)
}

function noEngine(name: string, socket: string | undefined, explicit: boolean): UvethError {
  const where =
    socket === undefined
      ? `no engine was asked, since DOCKER_HOST=${process.env.DOCKER_HOST} is no Unix socket of this machine`
      : `no container engine has a socket at '${socket}'`
  const what = explicit ? `container '${name}'` : `'${name}' is no network namespace under /run/netns`
  const remedy = 'set DOCKER_HOST=unix://SOCKET, or give its process id'
  return refused('ENOENT', `${what}${explicit ? ': ' : ', and '}${where}: ${remedy}`)
}

function unreachable(name: string, socket: string, { message }: Error): UvethError {
  const doubt = `whether '${name}' is a container cannot be asked of the engine on '${socket}'`
  return refused('ECONNREFUSED', `${doubt}: ${message}`)
}

function refused(code: string, why: string): UvethError {
  return new UvethError(`${code}: ${why}`, { code, attribute: 'netns' })
}
