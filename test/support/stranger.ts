// Somebody else who attaches a queue to a TAP that was made with several, and asks that it outlive its makers. With
// the capabilities of the test in a namespace, or as nobody at home.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { IFF_MULTI_QUEUE, IFF_NO_PI, IFF_TAP, IFF_VNET_HDR, tunOpen } from '../../src/native.js'
import { closeFd } from './native.js'
import { type AnyMessages, Program } from './program.js'

const ADDON = fileURLToPath(new URL('../../native/binding.cjs', import.meta.url))
const FLAGS = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE

/** Attaches it, and stays until it is disposed of. */
export async function joinQueue(netns: string, name: string): Promise<Program<AnyMessages>> {
  const script = `
    const { tunOpen, tunSetIff, tunSetPersist } = require(${JSON.stringify(ADDON)})
    const fd = tunOpen()
    const joined = tunSetIff(fd, '${name}', ${FLAGS})
    console.log(JSON.stringify({ event: 'joined', joined, persist: tunSetPersist(fd, true) }))
    setInterval(() => {}, 1e6)`
  const program = new Program<AnyMessages>([process.execPath, '-e', script], { netns })
  const { joined, persist } = await program.next('joined')
  if (joined !== 0 || persist !== 0) throw new Error(`the stranger could not join: ${joined}, ${persist}`)
  return program
}

/** What the kernel answers nobody, who has an open /dev/net/tun at home, for that: 0, or a negative errno. */
export function joinAsNobody(name: string): number {
  const fd = tunOpen()
  try {
    const script = `console.log(require(${JSON.stringify(ADDON)}).tunSetIff(3, '${name}', ${FLAGS}))`
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
    const { stdout, stderr } = spawnSync('setpriv', [...nobody, process.execPath, '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe', fd],
      encoding: 'utf8',
    })
    if (!/^-?\d+\n$/.test(stdout)) throw new Error(`nobody could not try: ${stdout}${stderr}`)
    return Number(stdout)
  } finally {
    closeFd(fd)
  }
}
