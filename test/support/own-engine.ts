// A container engine of a test's own, in a network namespace of the test's: what it does to the network, and what becomes
// of it when it is killed, is nobody else's. `await using engine = await OwnEngine.start(home)`. Its only image is made
// of this machine's own programs. It ends with its scope, with all containers and networks.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Netns, run, until } from './netns.js'

const PROGRAMS = ['sh', 'sleep', 'ip', 'ping']
export const OWN_IMAGE = 'uvt-plain'

export class OwnEngine implements AsyncDisposable {
  readonly home: Netns
  readonly folder = mkdtempSync(join(tmpdir(), 'uvt-engine-'))
  #process!: ChildProcess

  private constructor(home: Netns) {
    this.home = home
  }

  static async start(home: Netns): Promise<OwnEngine> {
    const engine = new OwnEngine(home)
    await engine.restart()
    engine.#makeImage()
    return engine
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, DOCKER_HOST: `unix://${this.folder}/docker.sock` }
  }

  async restart(): Promise<void> {
    const { folder, home } = this
    const places = ['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`]
    const own = ['--pidfile', `${folder}/pid`, '-H', `unix://${folder}/docker.sock`, '--bridge', 'none']
    const words = [`--net=${home.path}`, 'dockerd', ...places, ...own]
    rmSync(`${folder}/pid`, { force: true }) // of one that was killed
    const log = openSync(`${folder}/log`, 'a')
    const child = spawn('nsenter', words, { stdio: ['ignore', log, log] })
    closeSync(log)
    this.#process = child
    await until('the engine to answer', () => {
      if (child.exitCode !== null) throw new Error(`the engine ended: ${this.#lastWords()}`)
      return spawnSync('docker', ['info'], { env: this.env, stdio: 'ignore' }).status === 0
    })
  }

  /** As the kernel does when memory runs out; what it has started for itself ends with it, containers do not. */
  async kill(): Promise<void> {
    const file = `${this.folder}/exec/containerd/containerd.pid`
    const supervised = Number(readFileSync(file, 'utf8'))
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
    try {
      process.kill(supervised, 'SIGKILL')
    } catch {} // it has gone with it
    await until('containerd to end', () => !runs(supervised))
    rmSync(file, { force: true })
  }

  /** Runs `docker WORDS…` and answers what it printed; throws with its stderr if it fails. */
  docker(...words: string[]): string {
    return execFileSync('docker', words, {
      encoding: 'utf8',
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** A container that does nothing, on a network as `--network` takes it. */
  run(name: string, network: string, ...options: string[]): void {
    this.docker('run', '-d', '--name', name, '--network', network, ...options, OWN_IMAGE, 'sleep', '1000000')
  }

  /** The same for many at once. */
  async runAll(names: readonly string[], network: string): Promise<void> {
    const started = names.map(async (name) => {
      const words = ['run', '-d', '--name', name, '--network', network, OWN_IMAGE, 'sleep', '1000000']
      const [code] = await once(spawn('docker', words, { env: this.env, stdio: 'ignore' }), 'exit')
      if (code !== 0) throw new Error(`${name} did not start`)
    })
    await Promise.all(started)
  }

  /** Path of a running container's network namespace. */
  netnsOf(name: string): string {
    return `/proc/${this.docker('inspect', '-f', '{{.State.Pid}}', name).trim()}/ns/net`
  }

  /** What a program in a container prints. */
  exec(name: string, ...words: string[]): string {
    return this.docker('exec', name, ...words)
  }

  /** ms to an answer, the least of three; undefined where there is none. */
  ping(name: string, address: string): number | undefined {
    const words = ['exec', name, 'ping', '-q', '-c', '3', '-i', '0.2', '-W', '5', address]
    const { stdout } = spawnSync('docker', words, { env: this.env, encoding: 'utf8' })
    const [, least] = /^rtt .* = ([\d.]+)\//m.exec(stdout) ?? []
    return least === undefined ? undefined : Number(least)
  }

  #lastWords(): string {
    return readFileSync(`${this.folder}/log`, 'utf8').trim().split('\n').slice(-3).join('\n')
  }

  #makeImage(): void {
    const root = mkdtempSync(join(tmpdir(), 'uvt-image-'))
    for (const program of PROGRAMS) {
      const path = realpathSync(run('sh', '-c', `command -v ${program}`).trim())
      for (const file of [path, ...(run('ldd', path).match(/\/\S+/g) ?? [])])
        cpSync(file, `${root}${file === path ? `/bin/${program}` : file}`, {
          dereference: true,
          recursive: true,
        })
    }
    for (const folder of ['/dev', '/proc', '/sys', '/etc', '/tmp'])
      mkdirSync(`${root}${folder}`, { recursive: true })
    run('tar', '-C', root, '-cf', `${this.folder}/image.tar`, '.')
    this.docker('import', '-c', 'ENV PATH=/bin', `${this.folder}/image.tar`, OWN_IMAGE)
    rmSync(root, { recursive: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Containers of an engine that was killed are the next one's to end.
    if (this.#process.signalCode !== null) await this.restart()
    if (this.#process.exitCode === null) {
      const all = this.docker('ps', '-aq').split('\n').filter(Boolean)
      if (all.length > 0) this.docker('rm', '--force', ...all)
      const ended = once(this.#process, 'exit')
      this.#process.kill('SIGTERM')
      await ended
    }
    // One that was killed leaves what it had mounted.
    const mounts = readFileSync('/proc/self/mounts', 'utf8').matchAll(/^\S+ (\S+)/gm)
    const mine = [...mounts].map(([, path = '']) => path).filter((path) => path.startsWith(this.folder))
    for (const path of mine.reverse()) run('umount', '--lazy', path)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** One that has ended may stay as a zombie where nobody asks for it. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
