// `uveth link …` and `uveth add`: one order each, in iproute2's grammar (grammar.ts), to the daemon.
// Called by command.ts and, line by line, by batch.ts. Prints nothing when it succeeds, as `ip`.

import type { EndWish, PairView } from '../../contract/ops.js'
import { renamed, UvethError } from '../../errors.js'
import {
  type AddOrder,
  parseAdd,
  parseDel,
  parseSet,
  parseShort,
  readSubverb,
  type SetOrder,
} from '../../iproute/grammar.js'
import { faultOf } from '../../iproute/keywords.js'
import { locate, readNetns } from '../../netns/names.js'
import { isNobody } from '../failure.js'
import { withIpCode } from '../ip-codes.js'
import { type Session, write } from '../session.js'
import { printPair, show } from './show.js'

/** ms for a daemon that is ending. */
const PATIENCE = 5_000
const PAUSE = 50

/** Words behind `link`. What the daemon refuses is told in the words of this grammar. */
export async function link(session: Session, words: string[]): Promise<number> {
  return await give(session, words).catch(inWords())
}

/** Refusals in the words of this grammar, with ip's exit codes; `wish` is what was asked for. */
function inWords(wish: object = {}): (error: unknown) => never {
  return (error) => {
    throw withIpCode(error, wish, renamed(error, wordOf))
  }
}

/** The keyword for an attribute of a wish. */
export function wordOf(attribute: string): string {
  const own = attribute
    .replace(/^a\./, '')
    .replace(/^b\./, 'peer ')
    .replace(/\bvxlan\.port$/, 'vxlan dstport')
    .replace(/\bvxlan\./, 'vxlan ')
  return own.replace(/\btxQueueLength$/, 'txqueuelen').replace(/\bifindex$/, 'index')
}

async function give(session: Session, words: string[]): Promise<number> {
  const [word, ...rest] = words
  const subverb = readSubverb(word)
  if (subverb === 'help' || rest[0] === 'help' || words.some(asksHelp)) {
    return await help()
  }
  switch (subverb) {
    case 'add':
      return await add(session, parseAdd(rest, readNetns))
    case 'set': {
      const faults = faultOf(rest) && (await import('./faults.js'))
      const fault = faults?.parseFault(rest)
      return faults && fault
        ? await faults.giveFault(session, fault)
        : await set(session, parseSet(rest, readNetns))
    }
    case 'delete':
      await session.client.call('pair.del', { ref: await session.ref(parseDel(rest, readNetns)) })
      return 0
    case 'show':
      return await show(session, rest)
  }
}

/** Words behind `add`: the short form. */
export async function addShort(session: Session, words: string[]): Promise<number> {
  if (words[0] === 'help' || words.some(asksHelp)) {
    return await help()
  }
  return await add(session, parseShort(words)).catch(inWords())
}

async function help(): Promise<number> {
  write((await import('../help.js')).LINK_HELP)
  return 0
}

function asksHelp(word: string): boolean {
  return word === '-help' || word === '--help' || word === '-h'
}

async function add(session: Session, order: AddOrder): Promise<number> {
  const { a, b } = order.wish
  const wish = { ...order.wish, a: await located(a), b: await located(b) }
  const pair = await make(session, wish).catch(inWords(wish))
  if (order.without !== undefined) process.stderr.write(`uveth: warning: ${order.without}\n`)
  if (session.globals.json) await printPair(session, pair)
  return 0
}

/** The same wish, where a container is the network namespace of its process. */
async function located(wish: EndWish = {}): Promise<EndWish> {
  return wish.netns == null ? wish : { ...wish, netns: await locate(wish.netns as string | number) }
}

/** As the daemon would, before it is started for nothing. */
export async function refuseWrong(body: object): Promise<void> {
  const { PAIR_WISH } = await import('../../wishes/end.js')
  PAIR_WISH.read(body, '')
}

/** Starts the daemon where none runs. */
async function make(session: Session, body: object): Promise<PairView> {
  return await withDaemon(
    session,
    () => refuseWrong(body),
    () => session.client.call<PairView>('pair.add', { body }),
  )
}

/**
 * Gives an order that a daemon is started for, unless `check` refuses it. One that nobody needed may be ending just
 * now: then the next one is asked.
 */
export async function withDaemon<T>(
  session: Session,
  check: () => Promise<void>,
  give: () => Promise<T>,
): Promise<T> {
  for (const deadline = performance.now() + PATIENCE; ; ) {
    const failed = await give().then(
      (given) => ({ given }),
      (error: unknown) => ({ error }),
    )
    if ('given' in failed) return failed.given
    const { error } = failed
    const ending = error instanceof UvethError && error.code === 'ESHUTDOWN'
    if (performance.now() > deadline || !(ending || isNobody(error))) throw error
    if (ending) await new Promise((resolve) => setTimeout(resolve, PAUSE))
    else await session.startDaemon(check)
  }
}

async function set(session: Session, { ref: named, wish: wanted, carrier }: SetOrder): Promise<number> {
  const ref = await session.ref(named)
  const wish = await located(wanted)
  await change(session, ref, wish, carrier).catch(inWords(wish))
  return 0
}

async function change({ client }: Session, ref: string, wish: EndWish, carrier?: string): Promise<void> {
  const changes = Object.keys(wish).length > 0
  if (carrier === undefined) await client.call('end.set', { ref, body: wish })
  else if (!changes) await client.call('pair.set', { ref, body: { carrier } })
  else {
    // In one order, so that a new name does not come between.
    const { end, pair } = await client.call<{ end: 'a' | 'b'; pair: PairView }>('end.get', { ref })
    const body = { [end]: wish, carrier }
    await client.call('pair.set', { ref: `id:${pair.id}`, body }).catch((error: unknown) => {
      throw renamed(error, (attribute) => attribute.replace(/^[ab]\./, ''))
    })
  }
}
