// What the orders of one process share: the options in front of the verb, one client of the daemon,
// and where output goes. Made by command.ts; a batch gives all its orders in one session.

import { util } from '../builtins.js'
import { ControlClient, socketPath } from '../contract/client.js'
import { UvethError } from '../errors.js'
import { legible, legibleJson } from '../legible.js'
import { findNetns, findRef, inodeOfNetns, readNetns, showInode, splitRef, whyNone } from '../netns/names.js'
import type { Globals } from './globals.js'

export type Style = 'cyan' | 'yellow' | 'green' | 'red' | 'bold' | 'inverse'
export type Paint = (style: Style, text: string) => string

export class Session {
  readonly globals: Globals
  readonly client: ControlClient
  readonly #socket: string
  /** Where the orders are given: undefined is the caller's own namespace. */
  readonly #place: string | number | undefined

  constructor(globals: Globals, place = globals.netns === undefined ? undefined : readNetns(globals.netns)) {
    this.globals = globals
    this.#place = place
    this.#socket = socketPath(globals.socket)
    this.client = new ControlClient({
      socket: this.#socket,
      netns: place === undefined ? undefined : String(place),
      warn,
      // For people; scripts have uveth health, and doctor.
      older: process.stderr.isTTY === true && !globals.json ? warn : undefined,
    })
  }

  /** With a container as a namespace, if it is one. */
  static async open(globals: Globals): Promise<Session> {
    const { netns } = globals
    return new Session(globals, netns === undefined ? undefined : await findNetns(netns))
  }

  /** Where none listens; `check` refuses what none is to be started for. */
  async startDaemon(check: () => Promise<void>): Promise<void> {
    const { ensureDaemon } = await import('./daemon/start.js')
    await ensureDaemon(this.#socket, this.globals, check)
  }

  /** A reference for the daemon. As for ip, a plain name behind -n is that of an interface there. */
  async ref(text: string): Promise<string> {
    const { netns } = this.globals
    const inode = netns === undefined ? undefined : this.inode()
    const exact = splitRef(text) !== undefined || text.startsWith('id:')
    if (inode === undefined || exact) return await findRef(text)
    return `${text}@${showInode(inode)}`
  }

  /** Inode of the namespace that the orders come from. */
  inode(): number | undefined {
    return inodeOfNetns(this.#place)
  }

  /** Of the one that -n names, to show its ends alone; none of a process that may not be looked into. In ip's words. */
  named(): number | undefined {
    const { netns } = this.globals
    if (netns === undefined) return undefined
    const inode = this.inode()
    const why = inode === undefined && whyNone(netns)
    if (!why) return inode
    const message = `ENOENT: cannot open network namespace '${netns}': ${why}`
    throw new UvethError(message, { code: 'ENOENT', attribute: 'netns' })
  }
}

function warn(sentence: string): void {
  process.stderr.write(`uveth: warning: ${legible(sentence)}\n`)
}

/** Tables are for people; programs get lines of fields. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true
}

export function write(text: string): void {
  if (text !== '') process.stdout.write(text)
}

export function writeJson(value: unknown, { pretty }: Globals): void {
  write(`${legibleJson(value, pretty ? 4 : 0)}\n`)
}

/** Colours on a terminal, unless NO_COLOR or --color say otherwise. */
export function painter({ color }: Globals): Paint {
  const wanted = color === 'always' || (color === 'auto' && isTerminal() && !process.env.NO_COLOR)
  return wanted ? paint : (_, text) => text
}

/** Later Nodes would ask stdout once more. */
export function paint(style: Style, text: string): string {
  return util.styleText(style, text, { validateStream: false })
}
