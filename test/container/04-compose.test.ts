// compose.yaml: two plain containers and a cable, which comes back when one of them starts again.

import { execFileSync, spawnSync } from 'node:child_process'
import { expect } from 'vitest'
import { containerName, docker, IMAGE, PLAIN_IMAGE } from '../support/container.js'
import { ROOT } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('container engine', 'images of scripts/docker-test', 'compose')

class Composition implements AsyncDisposable {
  readonly cable = containerName('compose')
  readonly #command =
    spawnSync('docker', ['compose', 'version']).status === 0 ? ['docker', 'compose'] : ['docker-compose']

  run(...words: string[]): string {
    const [file = '', ...more] = [...this.#command, '-p', this.cable, ...words]
    const env = { ...process.env, CABLE: this.cable, UVETH_IMAGE: IMAGE, PLAIN_IMAGE }
    return execFileSync(file, more, { cwd: ROOT, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  pings(): boolean {
    const words = ['exec', `${this.cable}-left`, 'ping', '-q', '-c', '1', '-W', '1', '10.0.0.2']
    return spawnSync('docker', words).status === 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.run('down', '--timeout', '2')
  }
}

it('left pings right, also after right has been started again', async () => {
  await using both = new Composition()
  both.run('up', '--detach')
  await until('an answer', () => both.pings())
  // Not its namespace's inode: the next one may get the same.
  const process = () => docker('inspect', '--format', '{{.State.Pid}}', `${both.cable}-right`)
  const before = process()
  docker('restart', '--time', '0', `${both.cable}-right`)
  expect(process()).not.toBe(before)
  await until('an answer again', () => both.pings(), 20_000)
})
