// The programs that the benchmark needs: its own C ones, compiled here, and those of the machine.
// bench.mjs prepares them; contenders.mjs and measures.mjs ask where they are. It must not install anything.
import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const BIN = join(HERE, 'bin')

/** Included by the relays. */
const HEADER = join(HERE, 'tap.h')

export const PROGRAM = {
  relay: join(BIN, 'relay'),
  delayed: join(BIN, 'delayed'),
  uring: join(BIN, 'uring'),
  gen: join(BIN, 'gen'),
  rtt: join(BIN, 'rtt'),
}

/** @param {string} command */
export function has(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Compiles what is missing or older than its source. */
export function compile() {
  mkdirSync(BIN, { recursive: true })
  for (const [name, binary] of Object.entries(PROGRAM)) {
    const source = join(HERE, `${name}.c`)
    const changed = Math.max(...[source, HEADER].map((file) => statSync(file).mtimeMs))
    if (existsSync(binary) && statSync(binary).mtimeMs >= changed) continue
    execFileSync('gcc', ['-O2', '-Wall', '-Werror', '-o', binary, source], { stdio: 'inherit' })
  }
}

/** Why nothing can be measured here at all, or undefined. */
export function obstacle() {
  if (process.getuid?.() !== 0) return 'needs root: it makes network namespaces and interfaces'
  if (!existsSync('/dev/net/tun'))
    return 'there is no /dev/net/tun (modprobe tun; in a container: --device /dev/net/tun)'
  for (const command of ['ip', 'gcc']) {
    if (!has(command)) return `${command} is not installed (Debian: ${command === 'ip' ? 'iproute2' : 'gcc'})`
  }
  return undefined
}

/** @returns {import('./types.d.ts').Machine} */
export function describeMachine() {
  const [cpu] = cpus()
  return {
    kernel: release(),
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memory_mib: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    iproute2: versionOf('ip', '-V'),
    iperf3: versionOf('iperf3', '-v'),
    socat: versionOf('socat', '-V'),
    gcc: versionOf('gcc', '--version'),
  }
}

/**
 * @param {string} command
 * @param {string} flag
 */
function versionOf(command, flag) {
  if (!has(command)) return null
  const lines = execFileSync(command, [flag], { encoding: 'utf8' }).split('\n')
  return (lines.find((line) => /\d+\.\d+/.test(line)) ?? 'unknown').trim()
}
