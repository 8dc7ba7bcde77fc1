// Network namespaces that this process makes for itself, by a name under /run/netns, and ends again. Called by the kit
// (testing/site.ts); each call is a thread of the addon's, so nobody here waits for the kernel. Who sees to it that they go
// when this process is killed is not known here.

import { systemError } from '../errors.js'
import { netnsAdd, netnsEnd, netnsTell } from '../native.js'
import { NETNS_DIRECTORY, ours, pathOfName } from './names.js'

/** With its loopback up. */
export async function addNetns(name: string): Promise<void> {
  check(await new Promise<number>((done) => netnsAdd(NETNS_DIRECTORY, name, done)), 'unshare', name)
  ours.add(pathOfName(name))
}

/** `net/ipv4/ip_forward=1`, as sysctl(8) has them, with slashes. Those that the kernel does not know are passed over. */
export async function tellNetns(name: string, settings: readonly string[]): Promise<void> {
  check(
    await new Promise<number>((done) => netnsTell(pathOfName(name), [...settings], done)),
    'write',
    '/proc/sys',
  )
}

/** What is made for it from now on lets it die, as everywhere. */
export function handOut(name: string): void {
  ours.delete(pathOfName(name))
}

/** Kills what runs there, and takes the names away; what else holds them is let go of by its owner. */
export async function endNetns(names: readonly string[]): Promise<void> {
  for (const name of names) handOut(name)
  await new Promise<number>((done) => netnsEnd(names.map(pathOfName), done)) // one whose name is gone already is as it shall be
}

function check(result: number, syscall: string, subject: string): void {
  if (result < 0) throw systemError(result, syscall, subject)
}
