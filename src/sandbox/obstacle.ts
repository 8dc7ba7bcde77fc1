// Would `uveth sandbox` work here, and what keeps it from working? Asked before it begins, and by whoever refuses a
// user who is not root and would name this way. It tries, in a process that ends at once, and looks for the reason
// only when that failed: the settings that forbid it differ from one distribution to the next.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { UNSHARE } from './command.js'
import { deviceRefusal, deviceRefusalOfOthers } from './device.js'
import { hasProgram, isConfined } from './place.js'

const PACKAGES = { unshare: 'util-linux', mount: 'util-linux', sh: 'dash', ip: 'iproute2' }

/** Settings that keep ordinary users from it, each with the value that does. */
const SETTINGS = [
  ['kernel.unprivileged_userns_clone', '0', '1'],
  ['user.max_user_namespaces', '0', '10000'],
  ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
] as const

/** In one sentence, with what helps; undefined where nothing does. `others`: root asks for users who are not. */
export function sandboxObstacle(others = false): string | undefined {
  const missing = Object.entries(PACKAGES).find(([program]) => !hasProgram(program))
  if (missing) return `there is no '${missing[0]}' on the PATH (install ${missing[1]})`
  const device = deviceRefusal() ?? (others ? deviceRefusalOfOthers() : undefined)
  return device ?? (others ? forbidding() : undefined) ?? failure()
}

function failure(): string | undefined {
  const [file, ...args] = UNSHARE
  const { status, stderr, error } = spawnSync(file, [...args, 'true'], { encoding: 'utf8' })
  if (status === 0) return undefined
  const said = error?.message ?? stderr.trim().split('\n')[0] ?? ''
  if (/unrecognized|invalid option|unknown option/i.test(stderr))
    return `'unshare' is too old: ${said} (install util-linux 2.28 or newer)`
  return forbidding() ?? `no user namespace of its own: ${said}${isConfined() ? ` (${CONTAINER})` : ''}`
}

const CONTAINER =
  'the container forbids it: run as root in it, with --cap-add NET_ADMIN --cap-add SYS_ADMIN --device /dev/net/tun'

/** The setting that forbids it, and the value that would not. */
export function forbidding(read = settingOf): string | undefined {
  const found = SETTINGS.find(([name, forbids]) => read(name) === forbids)
  if (found === undefined) return undefined
  const [name, forbids, allows] = found
  return `${name} is ${forbids}: users may make no namespaces (as root: sysctl -w ${name}=${allows})`
}

function settingOf(setting: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${setting.replaceAll('.', '/')}`, 'utf8').trim()
  } catch {
    return undefined // this kernel does not have it
  }
}
