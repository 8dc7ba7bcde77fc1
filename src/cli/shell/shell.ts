// `uveth shell [WORDS] [-- COMMAND]`: the command has a network of its own, whose only way out is a pair with these
// impairments. How it leads on from the pair's other end is gate.ts'; who may not have the machine forward is carried by
// a program, from a sandbox in which this command runs once more.

import { setTimeout } from 'node:timers/promises'
import { renamed, UvethError } from '../../errors.js'
import { PROFILE_NAMES, PROFILES } from '../../faults/profiles.js'
import { createPair, type Pair } from '../../index.js'
import { legible } from '../../legible.js'
import { sandboxed, shelled, WAY_OUT } from '../../sandbox/command.js'
import { sandboxObstacle } from '../../sandbox/obstacle.js'
import { hasProgram, missingCapabilities } from '../../sandbox/place.js'
import { CARRIED, type Carrier, carrierCommand, PACKAGES } from '../../sandbox/way-out.js'
import { confined, refuse, refuseMissing } from '../confined.js'
import { lostSentence } from '../failure.js'
import { SHELL_HELP } from '../help-alone.js'
import { write } from '../session.js'
import { formatStats } from '../table.js'
import { type Carried, carriedGate, defaultRoute, type Gate, namesCarried, openGate } from './gate.js'
import { Kept } from './keeper.js'
import { readShell, type ShellPlan } from './words.js'

/** Tells the command that runs once more, in a sandbox, what it is to be. */
const WITHIN = 'UVETH_SHELL_CARRIED'
const CARRIERS = Object.keys(PACKAGES) as Carrier[]
/** ms between looks at whether a program has done its work. */
const LOOK = 10

export async function shell(words: readonly string[]): Promise<number> {
  const plan = readShell(words)
  if (plan === 'help' || plan === 'profiles') {
    write(plan === 'help' ? SHELL_HELP : listOfProfiles())
    return 0
  }
  const {
    command: [program = process.env.SHELL || 'sh', ...args],
    way,
  } = plan
  const missing = refuseMissing(program)
  if (missing !== undefined) return missing
  const command = [program, ...args]
  const within = process.env[WITHIN]
  if (within !== undefined) {
    delete process.env[WITHIN]
    const carried = JSON.parse(within) as Carried
    return await toEnd(behind(carriedGate(carried), plan, command, carried.user))
  }
  const gate = await gateHere(plan)
  if (typeof gate !== 'string') return await toEnd(behind(gate, plan, command))
  const carrier = carrierOf(way, gate)
  if (carrier instanceof UvethError) return refuse(carrier.message)
  return await toEnd(carriedBy(carrier, plan, words))
}

async function toEnd(ending: Promise<number>): Promise<number> {
  try {
    return await ending
  } catch (error) {
    if (error instanceof UvethError && error.code === 'ENETUNREACH') return refuse(error.message)
    throw error
  }
}

/** Or why there is none. */
async function gateHere({ way, hostLoopback }: ShellPlan): Promise<Gate | string> {
  if (way !== undefined && way !== 'forward') return ''
  if (missingCapabilities('CapEff').length > 0) return 'only root may have the machine forward'
  try {
    return await openGate(hostLoopback)
  } catch (error) {
    if (error instanceof UvethError) return error.message
    throw error
  }
}

/** The program that is to carry it on, or why none can. `why`: the machine does not forward. */
function carrierOf(way: ShellPlan['way'], why: string): Carrier | UvethError {
  const none = (sentence: string) => new UvethError(`no way out: ${sentence}`, { code: 'ENETUNREACH' })
  if (way === 'forward') return none(why)
  const carrier = way ?? CARRIERS.find(hasProgram)
  const named = (one: Carrier) => `'${one}' (Debian: apt-get install ${PACKAGES[one]})`
  if (carrier === undefined) return none(`${why}, and there is neither ${CARRIERS.map(named).join(' nor ')}`)
  if (!hasProgram(carrier)) return none(`there is no ${named(carrier)}`)
  const obstacle = sandboxObstacle()
  if (obstacle === undefined) return carrier
  return none(`${why === '' ? '' : `${why}, and `}no sandbox can be made: ${obstacle}`)
}

function listOfProfiles(): string {
  const rows = PROFILE_NAMES.map((name) => {
    const { up, down, source } = PROFILES[name]
    return `${name.padEnd(10)} up ${up} down ${down}\n${''.padEnd(10)} (${source})\n`
  })
  return rows.join('')
}

/** The command with a pair between it and `gate`, which is closed in the end. */
async function behind(
  gate: Gate,
  plan: ShellPlan,
  command: string[],
  user?: Carried['user'],
): Promise<number> {
  const { up, down, capture, both } = plan
  let pair: Pair | undefined
  const end = (name: string, netns: number | null, cidr: string, impair: ShellPlan['up']) => ({
    ...{ name, netns, addresses: [cidr], up: true, mtu: gate.mtu },
    ...(Object.keys(impair).length > 0 && { impair }),
  })
  return await confined({
    line: shelled(command, gate.resolv, user?.[0] === 0 ? undefined : user),
    env: { ...process.env, ...(gate.host !== undefined && { UVETH_HOST: gate.host }) },
    async enter(pid) {
      try {
        pair = await createPair({
          a: end(WAY_OUT, pid, gate.cidrs.shell, up),
          b: end(gate.name, null, gate.cidrs.gate, down),
          quiet: true,
          ...(capture !== undefined && { capture: { path: capture, both } }),
        })
      } catch (error) {
        throw renamed(error, (name) => (name.startsWith('capture') ? '--capture' : name))
      }
      if (capture !== undefined) tellOfCapture(pair, capture)
      await gate.open(pair)
      return `${gate.address} ${pair.b.address}`
    },
    async leave() {
      try {
        await pair?.close() // the capture's file is complete
      } finally {
        await gate.close()
      }
      if (pair !== undefined && !plan.quiet) await report(pair, plan)
    },
  })
}

function tellOfCapture(pair: Pair, path: string): void {
  const tell = (why: string) => say(`the capture ${path} is not complete: ${why}`)
  pair.once('captureFailed', ({ message }) => tell(message))
  pair.once('captureLost', ({ lost }) => tell(lostSentence(lost)))
}

function say(sentence: string): void {
  process.stderr.write(`uveth: ${legible(sentence)}\n`)
}

/** On standard error: standard output is the command's. */
async function report(pair: Pair, { up, down, seed }: ShellPlan): Promise<void> {
  if (Object.keys({ ...up, ...down }).length > 0) say(`seed ${seed}`)
  process.stderr.write(`${formatStats(['inside', 'outside'], await pair.stats())}\n`)
}

/** Once more, in a sandbox that `carrier` gives a way out. */
async function carriedBy(carrier: Carrier, plan: ShellPlan, words: readonly string[]): Promise<number> {
  const { hostLoopback } = plan
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  const { resolv, relayed } = namesCarried(carrier)
  const carried: Carried = { user: [uid, gid], resolv, hostLoopback }
  const again = [process.execPath, ...process.execArgv, process.argv[1] as string, 'shell', ...words]
  let kept: Kept | undefined
  return await confined({
    line: sandboxed(again, true),
    env: { ...process.env, [WITHIN]: JSON.stringify(carried) },
    async enter(pid) {
      const options = { hostLoopback, names: relayed, root: uid === 0 }
      kept = new Kept(CARRIED, 'uveth-carrier', carrierCommand(carrier, pid, options))
      await untilCarried(carrier, pid, kept)
      return ''
    },
    leave: async () => await kept?.stop(),
  })
}

async function untilCarried(carrier: Carrier, pid: number, kept: Kept): Promise<void> {
  while (defaultRoute(pid) === undefined) {
    if (kept.status !== null) {
      await kept.ended
      const why = kept.complaint.trim().split('\n').at(-1) || `it ended with ${kept.status}`
      throw new UvethError(`no way out: '${carrier}': ${why}`, { code: 'ENETUNREACH' })
    }
    await setTimeout(LOOK)
  }
}
