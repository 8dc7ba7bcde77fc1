// `uveth shim run`, `install` and `uninstall`: our ip and tc at the paths of the real ones, by bind mounts, so that
// `sudo ip`, `env -i ip` and `/sbin/ip` are ours too. `run` does it in a mount namespace of its own, which ends with the
// script; `install --system` where we stand; `install --for` leaves a wrapper that calls `run`. Called by shim.ts.
// Mounting is util-linux's: what is to be mounted is said here, as a script of a few lines.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, join } from 'node:path'
import { socketPath } from '../../contract/client.js'
import { UvethError } from '../../errors.js'
import { UsageError } from '../usage.js'

/** Where things of the package are. */
export interface Package {
  /** The folder that the mounts go into. */
  inside: string
  /** Of the small client's `ip`, or of the script's. */
  client: string
  isScript: boolean
  main: string
}

const TOOLS = ['ip', 'tc'] as const
/** Beside PATH: sudo has one of its own. */
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The exit code of the command. */
export async function runInside(here: Package, command: string[]): Promise<number> {
  if (command.length === 0) throw new UsageError('give a command: uveth shim run ./their-script.sh')
  if (isMounted(here.inside)) return await follow(command)
  refuseUnprivileged()
  const script = `${mounting(here, slaves(here))}\nexec "$@"`
  return await follow([
    'unshare',
    '--mount',
    '--propagation',
    'unchanged',
    'sh',
    '-ec',
    script,
    'sh',
    ...command,
  ])
}

/** `--system`, or `--for COMMAND`. */
export function install(here: Package, words: string[]): number {
  const command = commandOf('install', words)
  refuseUnprivileged()
  if (command !== undefined) return wrap(here, command)
  if (isMounted(here.inside)) throw new UsageError('it is installed already: uveth shim uninstall --system')
  return mount(mounting(here, []))
}

export function uninstall(here: Package, words: string[]): number {
  const command = commandOf('uninstall', words)
  refuseUnprivileged()
  if (command !== undefined) return unwrap(command)
  if (!isMounted(here.inside)) throw new UsageError('it is not installed: uveth shim install --system')
  // The places are those that are mounted over from there.
  const places = mounts()
    .filter(({ root, at }) => /^\/(?:ip|tc)-\d+$/.test(root) && !at.startsWith(here.inside))
    .map(({ at }) => at)
  const lines = [...places.map((at) => `umount ${quote(at)}`), `umount --recursive ${quote(here.inside)}`]
  return mount(lines.join('\n'))
}

function commandOf(verb: string, words: string[]): string | undefined {
  const [word, name, ...more] = words
  if (word === '--system' && name === undefined) return undefined
  if (word === '--for' && name !== undefined && more.length === 0) return name
  throw new UsageError(`give --for COMMAND or --system: uveth shim ${verb} --for COMMAND`)
}

/** The script that mounts. Each place gets a file of its own, which says where the real tool is. */
function mounting(here: Package, slaves: string[]): string {
  const { inside } = here
  const lines = [
    'set -e',
    ...slaves.map((at) => `mount --make-slave ${quote(at)}`),
    `mount -t tmpfs -o mode=755,size=1m uveth-shim ${quote(inside)}`,
  ]
  for (const tool of TOOLS)
    for (const [index, place] of placesOf(tool).entries()) {
      const real = join(inside, `${index}`)
      lines.push(`mkdir -p ${quote(real)}`, `: > ${quote(join(real, tool))}`)
      lines.push(`mount --bind ${quote(place)} ${quote(join(real, tool))}`)
      const ours = join(inside, `${tool}-${index}`)
      lines.push(`printf %s ${quote(standIn(here, tool, real))} > ${quote(ours)}`, `chmod 755 ${quote(ours)}`)
      lines.push(`mount --bind ${quote(ours)} ${quote(place)}`)
    }
  return lines.join('\n')
}

/** What stands at a place of the real tool: it needs nothing of its environment. */
function standIn({ client, isScript, main }: Package, tool: string, real: string): string {
  const socket = socketPath()
  if (!isScript)
    return [
      `#!${client} --installed`,
      `tool=${tool}`,
      `real=${join(real, tool)}`,
      `node=${process.execPath}`,
      `main=${main}`,
      `socket=${socket}`,
      '',
    ].join('\n')
  const path = `PATH=$PATH:${quote(join(process.execPath, '..'))}`
  const environment = `UVETH_SHIM_REAL=${quote(real)} UVETH_SOCKET="\${UVETH_SOCKET:-"${quote(socket)}"}" ${path}`
  return `#!/bin/sh\n${environment} exec ${quote(join(client, '..', tool))} "$@"\n`
}

/** The files that a tool may be found as, each once. */
function placesOf(tool: string): string[] {
  const folders = [...(process.env.PATH ?? '').split(':'), ...FOLDERS]
  const found = folders.flatMap((folder) => {
    const path = join(folder, tool)
    if (!folder.startsWith('/') || !existsSync(path) || !statSync(path).isFile()) return []
    const place = realpathSync(path)
    return isOurs(place) ? [] : [place]
  })
  return [...new Set(found)]
}

/** Of a shim's folder, which may stand in front on PATH. */
function isOurs(place: string): boolean {
  return /\/shim\/(?:linux-[^/]+\/)?(?:ip|tc)$/.test(place)
}

/** The mounts that hold what is mounted over: what happens to them here is not to be seen outside. */
function slaves({ inside }: Package): string[] {
  const all = mounts().map(({ at }) => at)
  const holding = (path: string) =>
    all
      .filter((at) => at === '/' || path === at || path.startsWith(`${at}/`))
      .sort((one, other) => other.length - one.length)[0] ?? '/'
  return [...new Set([inside, ...TOOLS.flatMap(placesOf)].map(holding))]
}

/** As the kernel lists them, in octal where a path has white space. */
function mounts(): { root: string; at: string }[] {
  const plain = (text = '') =>
    text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, , , root, at]) => ({ root: plain(root), at: plain(at) }))
}

function isMounted(folder: string): boolean {
  return mounts().some(({ at }) => at === folder)
}

function mount(script: string): number {
  const { status, error } = spawnSync('sh', ['-ec', script], { stdio: 'inherit' })
  if (error !== undefined) throw error
  return status ?? 1
}

const MARK = '# made by uveth shim install --for'

/** In front of it on PATH, also on sudo's. */
function wrap(here: Package, command: string): number {
  const real = (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, command))
    .find((path) => path.startsWith('/') && existsSync(path) && !isWrapper(path))
  if (real === undefined || command.includes('/')) throw new UsageError(`no command "${command}" is on PATH`)
  const wrapper = join(real.startsWith('/usr/local/') ? '/usr/local/sbin' : '/usr/local/bin', command)
  if (real === wrapper || (existsSync(wrapper) && !isWrapper(wrapper)))
    throw new UsageError(`"${wrapper}" is there already, and is not ours`)
  const words = [process.execPath, here.main, 'shim', 'run', real].map(quote).join(' ')
  writeFileSync(wrapper, `#!/bin/sh\n${MARK} ${command}\nexec ${words} "$@"\n`, { mode: 0o755 })
  return 0
}

function unwrap(command: string): number {
  const wrapper = ['/usr/local/bin', '/usr/local/sbin'].map((folder) => join(folder, command)).find(isWrapper)
  if (wrapper === undefined) throw new UsageError(`nothing is installed for "${command}"`)
  rmSync(wrapper)
  return 0
}

function isWrapper(path: string): boolean {
  return (
    existsSync(path) &&
    statSync(path).size < 4096 &&
    readFileSync(path, 'utf8').includes(`${MARK} ${basename(path)}\n`)
  )
}

function refuseUnprivileged(): void {
  if (process.getuid?.() === 0) return
  const message = 'EPERM: mounting over ip and tc is root’s: run it as root'
  throw new UvethError(message, { code: 'EPERM', syscall: 'mount' })
}

/** Its exit code, as a shell has it; signals for us are for it. */
async function follow([file = '', ...words]: string[]): Promise<number> {
  const child = spawn(file, words, { stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of SIGNALS) process.on(signal, pass)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ENOENT' ? reject(new UsageError(`no command "${file}" is on PATH`)) : reject(error),
      )
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : numberOf(signal))))
    })
  } finally {
    for (const signal of SIGNALS) process.off(signal, pass)
  }
}

function numberOf(signal: NodeJS.Signals): number {
  return constants.signals[signal]
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
