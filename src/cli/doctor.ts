// `uveth doctor`: whether this machine can run uveth, line by line, with a remedy for what is wrong.
// The machine is looked at by src/doctor/; the daemon is asked how it is.

import { ControlClient, olderDaemon, socketPath } from '../contract/client.js'
import type { Finding } from '../doctor/finding.js'
import { UvethError } from '../errors.js'
import { legible, legibleJson } from '../legible.js'
import { DOCTOR_HELP } from './help-alone.js'
import { LOOK } from './options.js'
import { parseAlone } from './usage.js'

interface Health {
  status: string
  pid: number
  pairs: number
  version: string
  netlink: { state: string; port?: number; reason?: string | null }
}

export async function doctor(
  args: string[],
  global: { socket?: string; json?: boolean } = {},
): Promise<number> {
  const values = parseAlone('doctor', args, LOOK, DOCTOR_HELP)
  if (values === undefined) return 0
  const findings = await examine(socketPath(values.socket ?? global.socket))
  const json = values.json ?? global.json ?? false
  process.stdout.write(json ? `${legibleJson(findings)}\n` : legible(findings).map(lineOf).join(''))
  return findings.some(({ status }) => status === 'fail') ? 1 : 0
}

export function lineOf({ status, what, remedy }: Finding): string {
  return `${status.padEnd(4)}  ${what}${remedy === undefined ? '' : `  (${remedy})`}\n`
}

async function examine(socket: string): Promise<Finding[]> {
  let machine: typeof import('../doctor/machine.js')
  try {
    machine = await import('../doctor/machine.js')
  } catch (error) {
    const [what = ''] = (error as Error).message.split('\n')
    const remedy = 'install uveth again on this machine, or npm run build:native in its sources'
    return [{ check: 'addon', status: 'fail', what: `the native addon does not load: ${what}`, remedy }]
  }
  const addon: Finding = {
    check: 'addon',
    status: 'ok',
    what: `the native addon, on Node ${process.version}`,
  }
  const daemon = await examineDaemon(socket)
  return [addon, ...machine.examineMachine(), ...(daemon ?? [idle(socket), machine.examinePort()])]
}

function idle(socket: string): Finding {
  return { check: 'daemon', status: 'ok', what: `no daemon on ${socket}: uveth link add starts one` }
}

/** Undefined when none listens. */
async function examineDaemon(socket: string): Promise<Finding[] | undefined> {
  const client = new ControlClient({ socket })
  try {
    const { status, pid, pairs, version, netlink } = await client.call<Health>('health')
    const what = `the daemon on ${socket} (pid ${pid}, pairs: ${pairs}): ${status}`
    const daemon: Finding =
      status === 'ok'
        ? { check: 'daemon', status, what }
        : { check: 'daemon', status: 'warn', what, remedy: 'uveth health says more' }
    const older = olderDaemon(version)
    const upgrade: Finding[] = older === undefined ? [] : [{ check: 'daemon', status: 'warn', what: older }]
    return [daemon, ...upgrade, netlinkOf(netlink)]
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return undefined
    const { message, hint: remedy = 'see its log' } = error
    return [{ check: 'daemon', status: 'warn', what: message.replace(` (${remedy})`, ''), remedy }]
  }
}

function netlinkOf({ state, reason }: Health['netlink']): Finding {
  const check = 'netlink'
  if (state !== 'waiting') return { check, status: 'ok', what: `the netlink interface is ${state}` }
  const remedy = 'end the process that has the port, or use another one: uveth daemon --netlink PORT'
  return { check, status: 'warn', what: `the netlink interface waits for its port: ${reason}`, remedy }
}
