// The ground that every run stands on: two namespaces of this run's own, the processes started in them, and
// their removal on every way out (end, error, Ctrl-C). bench.mjs opens and closes it; contenders.mjs and
// measures.mjs run commands through it. It must not touch anything that this run did not make.
import { execFile, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** @import { Program } from './types.d.ts' */

const TAG = `uvb-${process.pid}`
export const LEFT = `${TAG}-l`
export const RIGHT = `${TAG}-r`

const READY_MS = 10_000
const STOP_MS = 5_000
const LONGEST_OUTPUT = 64 << 20 // bytes; iperf3's and ip's JSON stay far below

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

/**
 * Runs a command to its end and answers its stdout. Fails with what the command said was wrong.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} [input] for its stdin
 * @returns {Promise<string>}
 */
export function run(command, args, input) {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: LONGEST_OUTPUT }, (error, stdout, stderr) => {
      running.delete(child)
      if (!error) return resolve(stdout)
      // iperf3 -J puts its reason on stdout.
      const reason = stderr || /"error":\s*"(.*)"/.exec(stdout)?.[1] || error.message
      reject(new Error(`${command} ${args.join(' ')}: ${reason.trim()}`))
    })
    running.add(child)
    child.stdin?.on('error', () => undefined) // a command that refuses early does not read it; its exit tells why
    child.stdin?.end(input ?? '')
  })
}

/** @param {...string} args */
export function ip(...args) {
  return run('ip', args)
}

/**
 * The command that runs `argv` inside a namespace. `ip netns exec` replaces itself, so the pid is the program's.
 * @param {string} namespace
 * @param {readonly string[]} argv
 * @returns {[command: string, args: string[]]}
 */
export function inside(namespace, argv) {
  return ['ip', ['netns', 'exec', namespace, ...argv]]
}

/**
 * Starts a program that stays, and waits for a line of its stdout that `isReady` accepts (no test: at once).
 * @param {string} command
 * @param {readonly string[]} args
 * @param {(line: string) => boolean} [isReady]
 * @returns {Promise<Program>}
 */
export async function start(command, args, isReady) {
  // Also a run that is killed leaves no server and no forwarder.
  const words = ['--pdeathsig', 'KILL', command, ...args]
  const child = spawn('setpriv', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  /** @type {Promise<number | string>} */
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown')) // all that it said was read
  })
  exited.then(() => running.delete(child))

  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint = (complaint + text).slice(-2000)
  })
  const stop = async () => {
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    const outcome = await exited
    clearTimeout(patience)
    return outcome
  }
  let said = ''
  const lines = createInterface({ input: child.stdout }) // read to the end: a full pipe would stop the program
  lines.on('line', (line) => {
    said = line
  })
  const program = { pid: child.pid ?? 0, stop, said: () => said, complaint: () => complaint.trim() }
  const outcome = isReady ? await readiness(lines, isReady, exited) : 'ready'
  if (outcome === 'ready') return program
  await stop()
  throw new Error(`${command} ${args.join(' ')}: ${outcome} ${program.complaint()}`.trim())
}

/**
 * @param {import('node:readline').Interface} lines
 * @param {(line: string) => boolean} isReady
 * @param {Promise<number | string>} exited
 * @returns {Promise<string>} 'ready', or what happened instead
 */
function readiness(lines, isReady, exited) {
  return new Promise((resolve) => {
    const patience = setTimeout(resolve, READY_MS, 'not ready in time')
    lines.on('line', (line) => {
      if (!isReady(line)) return
      clearTimeout(patience)
      resolve('ready')
    })
    exited.then((code) => {
      clearTimeout(patience)
      resolve(`ended with ${code}`)
    })
  })
}

/**
 * Polls until `probe` answers something truthy; its errors count as "not yet".
 * @param {string} what
 * @param {() => Promise<unknown>} probe
 */
export async function until(what, probe, limitMs = READY_MS) {
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(20)) {
    if (await probe().catch(() => false)) return
  }
  throw new Error(`gave up waiting until ${what}`)
}

/**
 * Links of a namespace without its loopback.
 * @param {string} namespace
 * @returns {Promise<{ ifname: string, address: string, stats64: { rx: { packets: number } } }[]>} as `ip -j` has it
 */
export async function linksOf(namespace) {
  const links = JSON.parse(await ip('-n', namespace, '-s', '-j', 'link', 'show'))
  return links.filter((/** @type {{ ifname: string }} */ link) => link.ifname !== 'lo')
}

/**
 * Sockets of both namespaces may have windows of so many bytes while `work` runs.
 * @template T
 * @param {number} bytes
 * @param {() => Promise<T>} work
 */
export async function withWindow(bytes, work) {
  const files = ['tcp_rmem', 'tcp_wmem'].map((name) => `/proc/sys/net/ipv4/${name}`)
  const sets = [LEFT, RIGHT].flatMap((namespace) => files.map((file) => ({ namespace, file })))
  const before = []
  for (const { namespace, file } of sets) {
    const was = (await run(...inside(namespace, ['cat', file]))).trim()
    before.push({ namespace, file, was })
    const [least, usual] = was.split(/\s+/)
    await write(namespace, file, `${least} ${usual} ${bytes}`)
  }
  try {
    return await work()
  } finally {
    for (const { namespace, file, was } of before) await write(namespace, file, was)
  }
}

/**
 * @param {string} namespace
 * @param {string} file
 * @param {string} text
 */
function write(namespace, file, text) {
  return run(...inside(namespace, ['sh', '-c', `echo '${text}' >${file}`]))
}

export async function openTestbed() {
  // A fresh link talks IPv6 by itself; frames of nobody's asking would be counted and would wake a forwarder.
  const silence = 'for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done'
  for (const namespace of [LEFT, RIGHT]) {
    await ip('netns', 'add', namespace)
    await run(...inside(namespace, ['sh', '-c', silence])).catch(() => undefined)
    await ip('-n', namespace, 'link', 'set', 'lo', 'up')
  }
}

/** Synchronous, so that the process's exit handler can call it; harmless when called twice. */
export function closeTestbed() {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
  for (const namespace of [LEFT, RIGHT]) spawnSync('ip', ['netns', 'del', namespace], { stdio: 'ignore' })
}
