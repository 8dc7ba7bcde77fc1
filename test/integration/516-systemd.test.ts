// systemd's store of descriptors, in a real systemd: pid 1 of namespaces of its own. The unit has the lines of
// packaging/uveth.service that say so. Interfaces outlive kill -9, a restart and a reload (the hand-over to a new
// process, which follows the store, too), and go with the unit.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { COMMAND, Folder, ROOT } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'unshare', 'ping', 'systemd')

const BOOT = fileURLToPath(new URL('../support/systemd.sh', import.meta.url))
/** What the rest of the unit confines is the machine's, not the store's. */
const TAKEN = /^(Type|NotifyAccess|Restart|RestartSec|FileDescriptorStoreMax|Environment|RuntimeDirectory)=/
const RELOAD = /^ExecReload=\/usr\/bin\/env uveth (.*)$/m

function unit(): string {
  const text = readFileSync(`${ROOT}packaging/uveth.service`, 'utf8')
  const lines = text.split('\n')
  const uveth = `${process.execPath} ${COMMAND}`
  return [
    ...['[Unit]', 'DefaultDependencies=no', '[Service]'],
    ...[`ExecStart=${uveth} daemon --state /run/uveth-state/pairs.json`],
    `ExecReload=${uveth} ${RELOAD.exec(text)?.[1]}`,
    ...lines.filter((line) => TAKEN.test(line)).map((line) => line.replace('uveth', 'uveth uveth-state')),
    ...['RuntimeDirectoryMode=0750', 'RuntimeDirectoryPreserve=yes', ''],
  ].join('\n')
}

class Machine implements AsyncDisposable {
  readonly #folder = new Folder()
  readonly #process: ChildProcess
  #log = ''
  #pid = ''

  constructor() {
    writeFileSync(this.#folder.file('uveth.service'), unit())
    const words = ['-pfmnuiC', '--mount-proc', 'sh', BOOT, this.#folder.file('uveth.service')]
    this.#process = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (text) => {
        this.#log += text
      })
  }

  /** Once systemd answers. */
  async booted(): Promise<void> {
    const { pid } = this.#process
    await until('systemd to answer', () => {
      if (this.#process.exitCode !== null) throw new Error(`it ended: ${this.#log}`)
      this.#pid = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
      return this.#pid !== '' && this.try('systemctl', 'is-active', 'test.target').status === 0
    })
  }

  try(...words: string[]) {
    return spawnSync('nsenter', ['-t', this.#pid, '-a', ...words], { encoding: 'utf8' })
  }

  run(...words: string[]): string {
    const { status, stdout, stderr } = this.try(...words)
    expect([words, status, stderr]).toEqual([words, 0, expect.any(String)])
    return stdout
  }

  uveth(...words: string[]): string {
    return this.run(process.execPath, COMMAND, ...words)
  }

  of(property: string): string {
    return this.run('systemctl', 'show', 'uveth', '-p', property, '--value').trim()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((end) => this.#process.once('exit', end))
    if (this.#pid === '') this.#process.kill('SIGKILL')
    else process.kill(Number(this.#pid), 'SIGKILL') // and all in its namespaces
    await ended
    this.#folder[Symbol.dispose]()
  }
}

test('interfaces outlive kill -9, a restart and a reload with all that others have given them, and go with the unit', async () => {
  await using machine = new Machine()
  await machine.booted()
  machine.run('systemctl', 'start', 'uveth')
  machine.run('ip', 'netns', 'add', 'far')
  const ends = ['x0', 'type', 'veth', 'peer', 'name', 'x1', 'netns', 'far']
  machine.uveth('link', 'add', ...ends)
  for (const words of [
    ['-n', 'far', 'addr', 'add', '10.0.0.2/24', 'dev', 'x1'],
    ['-n', 'far', 'link', 'set', 'x1', 'up'],
    ['addr', 'add', '10.0.0.1/24', 'dev', 'x0'],
    ['link', 'set', 'x0', 'up'],
    ['route', 'add', '10.9.0.0/16', 'via', '10.0.0.2'],
  ])
    machine.run('ip', ...words)
  expect(machine.of('NFileDescriptorStore')).toBe('2')
  const look = () => [
    machine.run('ip', '-4', '-o', 'addr', 'show', 'dev', 'x0'),
    machine.run('ip', '-n', 'far', '-o', 'link', 'show', 'dev', 'x1'),
    machine.run('ip', 'route'),
  ]
  await until('carrier to be acted on', () =>
    /state UP/.test(machine.run('ip', '-n', 'far', 'link', 'show', 'x1')),
  )
  const before = look()
  for (const words of [
    ['kill', '-s', 'KILL', 'uveth'],
    ['restart', 'uveth'],
    ['reload', 'uveth'],
    ['kill', '-s', 'KILL', 'uveth'],
    ['reload', 'uveth'],
  ]) {
    const pid = machine.of('MainPID')
    machine.run('systemctl', ...words)
    await until(
      'another daemon',
      () => machine.of('MainPID') !== pid && machine.of('ActiveState') === 'active',
    )
    expect(look()).toEqual(before)
    machine.run('ping', '-c', '2', '-i', '0.1', '10.0.0.2')
    expect(machine.of('NFileDescriptorStore')).toBe('2')
  }
  // By a reload another process is the one that keeps them.
  machine.uveth('link', 'add', 'y0', 'type', 'veth', 'peer', 'name', 'y1')
  await until('others to be kept', () => machine.of('NFileDescriptorStore') === '4')
  for (const [name, left] of [
    ['x0', '2'],
    ['y0', '0'],
  ] as const) {
    machine.uveth('link', 'del', name)
    await until('its descriptors to be given up', () => machine.of('NFileDescriptorStore') === left)
  }
  machine.uveth('link', 'add', ...ends)
  machine.run('systemctl', 'stop', 'uveth')
  await until('it to go', () => machine.try('ip', 'link', 'show', 'x0').status !== 0)
})
