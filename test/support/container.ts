// Containers that tests start: `await using web = await Container.start(PLAIN_IMAGE, …)`. Made with the
// `docker` program; they carry a name of the test's own and are removed with their scope, or with the process.
// The images are built by scripts/docker-test, which names them in the environment.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { Program } from './program.js'

/** The image under test. */
export const IMAGE = process.env.UVETH_IMAGE ?? ''
/** A container with tools of the network and nothing of ours that runs. */
export const PLAIN_IMAGE = process.env.UVETH_PLAIN_IMAGE ?? ''

/** What a daemon needs for pairs of its own namespace. */
export const LEAST = ['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN', '--device', '/dev/net/tun']
/** What one needs for the namespaces of others. */
export const FOR_OTHERS = [
  ...LEAST,
  ...['SYS_ADMIN', 'SYS_PTRACE', 'NET_BROADCAST'].flatMap((name) => ['--cap-add', name]),
  '--pid',
  'host',
]

/** `uvt-PID-…`: unique, and to be known again. */
export function containerName(label: string): string {
  return `uvt-${process.pid}-${randomBytes(4).toString('hex')}-${label}`
}

/** Runs `docker WORDS…` and answers what it printed; throws with its stderr if it fails. */
export function docker(...words: string[]): string {
  return execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

const alive = new Set<Container>()
process.once('exit', () => {
  for (const container of alive) container.remove()
})

interface State {
  Status: string
  Running: boolean
  Pid: number
  ExitCode: number
  Health?: { Status: string }
}

export class Container implements AsyncDisposable {
  readonly name: string
  readonly id: string

  private constructor(name: string, id: string) {
    this.name = name
    this.id = id
    alive.add(this)
  }

  /** Without a network. `options` are those of `docker run`, `command` what stands behind the image. */
  static start(image: string, label: string, options: string[] = [], command: string[] = []): Container {
    const name = containerName(label)
    const words = ['run', '--detach', '--name', name, '--network', 'none', ...options, image, ...command]
    return new Container(name, docker(...words).trim())
  }

  /** One that does nothing. */
  static plain(label: string): Container {
    return Container.start(PLAIN_IMAGE, label, ['--init'], ['sleep', '1000000'])
  }

  get state(): State {
    return (JSON.parse(docker('inspect', this.name)) as [{ State: State }])[0].State
  }

  get pid(): number {
    return this.state.Pid
  }

  /** Runs a program in it and answers what it printed; throws with its stderr if it fails. */
  exec(...words: string[]): string {
    return docker('exec', this.name, ...words)
  }

  /** The same, for what may fail. */
  async try(...words: string[]) {
    await using program = new Program(['docker', 'exec', this.name, ...words], {})
    return await program.end()
  }

  /** Gives an interface of the container an address: from another one, since it has no right to. */
  address(link: string, address: string): void {
    const place = ['--network', `container:${this.name}`, '--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN']
    docker('run', '--rm', ...place, PLAIN_IMAGE, 'ip', 'addr', 'add', address, 'dev', link)
  }

  /** Names of its interfaces but the loopback. */
  links(): string[] {
    return (JSON.parse(this.exec('ip', '-json', 'link', 'show')) as { ifname: string }[])
      .map(({ ifname }) => ifname)
      .filter((name) => name !== 'lo')
  }

  /** Throws unless every one of three requests is answered. */
  ping(address: string): void {
    this.exec('ping', '-q', '-c', '3', '-i', '0.2', '-W', '5', address)
  }

  logs(): string {
    return docker('logs', this.name)
  }

  kill(): void {
    docker('kill', this.name)
  }

  remove(): void {
    alive.delete(this)
    docker('rm', '--force', '--volumes', this.name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (alive.has(this)) this.remove()
  }
}
