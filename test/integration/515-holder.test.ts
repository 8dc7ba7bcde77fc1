// `uveth daemon --holder`: the cable outlives a daemon that is killed. Its interfaces stay, with all that others have
// given them; frames wait in them, or are dropped by the kernel and counted; the next daemon goes on. An end that was
// deleted meanwhile is no pair any more. It speaks the words of systemd's store of descriptors (516).

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { ask, COMMAND, Folder, inside, launchDaemon } from '../support/daemon.js'
import { marked } from '../support/hooks.js'
import { Netns, until } from '../support/netns.js'
import { PacketSocket } from '../support/packet.js'
import { type AnyMessages, Program, uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'ping')

class Held implements AsyncDisposable {
  readonly folder = new Folder()
  readonly home = Netns.create('home')
  readonly far = Netns.create('far')
  readonly socket = this.folder.file('s')
  readonly state = this.folder.file('state.json')
  readonly holder: Program<AnyMessages>
  /** The daemon's. */
  pid = 0

  private constructor(words: string[]) {
    this.holder = launchDaemon(this.home, this.socket, '--holder', '--state', this.state, ...words)
  }

  static async start(...words: string[]): Promise<Held> {
    const held = new Held(words)
    await held.runs()
    return held
  }

  /** Another daemon than the last one listens. */
  async runs(): Promise<void> {
    this.pid = await until('a daemon to listen', async () => {
      if (this.holder.hasEnded) throw new Error(`the holder ended: ${this.holder.stderr}`)
      const pid = (await ask(this.socket, 'GET', '/v1/version').catch(() => undefined))?.json.pid
      return pid !== this.pid && pid
    })
  }

  /** kill -9, and `meanwhile` before the next one starts. */
  async kill(meanwhile: () => void = () => {}): Promise<void> {
    this.holder.kill('SIGSTOP')
    process.kill(this.pid, 'SIGKILL')
    await until('it to be dead', () => /^State:\s+Z/m.test(readFileSync(`/proc/${this.pid}/status`, 'utf8')))
    meanwhile()
    this.holder.kill('SIGCONT')
    await this.runs()
  }

  async ask(method: string, path: string, body?: object) {
    return await ask(this.socket, method, path, body, { 'uveth-netns': this.home.name })
  }

  async add(wish: object): Promise<void> {
    expect(await this.ask('POST', '/v1/pairs', wish)).toMatchObject({ status: 201 })
  }

  async ids(): Promise<string[]> {
    return (await this.ask('GET', '/v1/pairs')).json.map(({ id }: { id: string }) => id).sort()
  }

  /** What the holder has open of TAPs. */
  get copies(): number {
    const folder = `/proc/${this.holder.pid}/fd`
    const notes = readdirSync(folder).map((fd) => {
      try {
        return readFileSync(`/proc/${this.holder.pid}/fdinfo/${fd}`, 'utf8')
      } catch {
        return ''
      }
    })
    return notes.filter((text) => text.includes('iff:')).length
  }

  /** The daemon first, which has the holder's stdout, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.holder.kill('SIGSTOP')
    for (const pid of this.#children()) process.kill(Number(pid), 'SIGKILL')
    this.holder.kill('SIGKILL')
    await this.holder[Symbol.asyncDispose]()
    for (const scope of [this.home, this.far, this.folder]) scope[Symbol.dispose]()
  }

  #children(): string[] {
    try {
      const { pid } = this.holder
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
    } catch {
      return [] // it has ended
    }
  }
}

const CABLE = (far: Netns, more: object = {}) => ({
  id: 'cable',
  quiet: true,
  ...more,
  a: { name: 'x0', up: true, addresses: ['10.0.0.1/24'] },
  b: { name: 'x1', up: true, addresses: ['10.0.0.2/24'], netns: far.name },
})

describe('misuse', () => {
  test('without a file nobody would know what the descriptors are', async () => {
    const { code, stderr } = await uvethOnce(['daemon', '--holder'])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^uveth: --holder needs --state FILE: /)])
  })

  test('a daemon that cannot start: the holder ends with its code and its sentence', async () => {
    using folder = new Folder()
    using home = Netns.create('home')
    writeFileSync(folder.file('state.json'), 'text')
    await using held = launchDaemon(home, folder.file('s'), '--holder', '--state', folder.file('state.json'))
    const { code, stderr } = await held.end()
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^uveth: EBADMSG: .*no file of wanted pairs/)])
    expect(readdirSync(folder.path).filter((name) => name.includes('holder'))).toEqual([])
  })
})

describe('a daemon that is killed', () => {
  test('leaves interfaces, addresses and routes as they were, and the next one goes on', async () => {
    await using held = await Held.start()
    const { home, far } = held
    await held.add(CABLE(far))
    await held.ask('POST', '/v1/ends/x0/rules', { action: { kind: 'drop' }, match: { udp: { dport: 9 } } })
    home.ip('route', 'add', '10.9.0.0/16', 'via', '10.0.0.2')
    far.ip('neigh', 'add', '10.0.0.77', 'lladdr', '02:00:00:00:00:77', 'dev', 'x1')
    // A neighbour that does not answer for seconds is given up, and what waits for it.
    const addressOf = (netns: Netns, name: string) => netns.link(name).address
    home.ip('neigh', 'replace', '10.0.0.2', 'lladdr', addressOf(far, 'x1'), 'dev', 'x0')
    far.ip('neigh', 'replace', '10.0.0.1', 'lladdr', addressOf(home, 'x0'), 'dev', 'x1')
    const look = () => [
      ...[home, far].map((netns) => netns.ip('-o', 'link')),
      ...[home, far].map((netns) => netns.ip('-o', 'addr').replaceAll(/\S+_lft \S+/g, '')),
      home.ip('route'),
      far.ip('neigh', 'show', '10.0.0.77'),
    ]
    await until('carrier to be acted on', () => home.ip('link', 'show', 'x0').includes('state UP'))
    const before = look()
    const ping = home.spawn('ping', ['-i', '0.02', '-c', '200', '-W', '300', '10.0.0.2'])
    let said = ''
    ping.stdout?.on('data', (text) => {
      said += text
    })
    for (let kill = 0; kill < 3; kill++) await held.kill(() => expect(look()).toEqual(before))
    expect(look()).toEqual(before)
    const { json } = await held.ask('GET', '/v1/pairs/id:cable')
    expect(json).toMatchObject({
      carrier: true,
      a: { name: 'x0', rules: [{ id: 1 }] },
      b: { netns: far.name },
    })
    await until('all pings', () => said.includes('packets transmitted'))
    // What a worker had just read is lost with it, a frame or two for each kill; what waited is not.
    expect(Number(/(\d+) received/.exec(said)?.[1])).toBeGreaterThan(190)
  })

  test('frames that find no room meanwhile are dropped by the kernel, and counted', async () => {
    await using held = await Held.start()
    const { home, far } = held
    const ends = {
      a: { name: 'x0', up: true, txQueueLength: 10 },
      b: { name: 'x1', up: true, netns: far.name },
    }
    await held.add({ id: 'cable', quiet: true, ...ends })
    await until('carrier to be acted on', () => home.ip('link', 'show', 'x0').includes('state UP'))
    const near = PacketSocket.open(home, 'x0')
    await held.kill(() => {
      home.exec('tc', 'qdisc', 'replace', 'dev', 'x0', 'root', 'noqueue') // which has no place of its own
      for (let mark = 0; mark < 30; mark++) near.send(marked(mark))
    })
    near.close()
    await until('those that waited', () => far.link('x1').stats64.rx.packets === 10)
    expect(home.link('x0').stats64.tx).toMatchObject({ dropped: 20 })
    const { json } = await held.ask('GET', '/v1/pairs/id:cable/stats')
    expect(json.a).toMatchObject({ tx_packets: 10, tx_dropped: 20 })
  })

  test('has its pair again with several queues', async () => {
    await using held = await Held.start('--workers', '2')
    const { home, far } = held
    await held.add(CABLE(far, { queues: 2 }))
    await until('copies as there are queues', () => held.copies === 4)
    const { ifindex } = home.link('x0')
    await held.kill()
    expect(home.link('x0').ifindex).toBe(ifindex)
    await until('copies as there are queues', () => held.copies === 4)
    home.exec('ping', '-c', '3', '-i', '0.05', '10.0.0.2')
  })

  test('a pair whose end was deleted meanwhile is none any more, and nothing is left of it', async () => {
    await using held = await Held.start()
    const { home, far } = held
    await held.add(CABLE(far))
    await held.add({ id: 'other', a: { name: 'y0' }, b: { name: 'y1' } })
    await held.kill(() => home.ip('link', 'del', 'x0'))
    expect(await held.ids()).toEqual(['other'])
    await until('its other end to go', () => !far.ip('-o', 'link').includes('x1'))
    await until('copies as there are queues', () => held.copies === 2)
    expect(JSON.parse(readFileSync(held.state, 'utf8')).pairs).toMatchObject([{ id: 'other' }])
  })

  test('ends that were renamed and moved meanwhile are followed', async () => {
    await using held = await Held.start()
    const { home, far } = held
    await held.add(CABLE(far))
    await held.kill(() => {
      home.ip('link', 'set', 'x0', 'down') // before Linux 6.2 only such a link is renamed
      home.ip('link', 'set', 'x0', 'name', 'z0', 'netns', far.name)
      far.ip('link', 'set', 'z0', 'up')
    })
    const { json } = await held.ask('GET', '/v1/pairs/id:cable')
    expect(json).toMatchObject({ a: { name: 'z0', netns: far.name, up: true }, carrier: true })
  })

  test('what is kept for no pair is given up', async () => {
    await using held = await Held.start()
    const { home, far } = held
    await held.add(CABLE(far))
    await held.kill(() => writeFileSync(held.state, '{"pairs":[]}'))
    await until(
      'them to go',
      () => !home.ip('-o', 'link').includes('x0') && !far.ip('-o', 'link').includes('x1'),
    )
    await until('copies as there are queues', () => held.copies === 0)
  })
})

describe('a holder', () => {
  test('that cannot start the next one now tries again, and the cable stays', async () => {
    await using held = await Held.start()
    const { home, far, holder } = held
    await held.add(CABLE(far))
    const { ifindex } = home.link('x0')
    const limit = (files: number) =>
      expect(spawnSync('prlimit', ['--pid', String(holder.pid), `--nofile=${files}:`]).status).toBe(0)
    const again = held.kill(() => limit(3))
    await until('two tries', () => holder.stderr.split('EMFILE').length > 2)
    expect(home.link('x0').ifindex).toBe(ifindex)
    limit(1_000)
    await again
    expect(await held.ids()).toEqual(['cable'])
    expect(home.link('x0').ifindex).toBe(ifindex)
  })

  test('that cannot start the next one ends by SIGTERM', async () => {
    await using held = await Held.start()
    const { holder } = held
    const again = held.kill(() => spawnSync('prlimit', ['--pid', String(holder.pid), '--nofile=3:']))
    const ended = expect(again).rejects.toThrow('the holder ended')
    await until('a try', () => holder.stderr.includes('EMFILE'))
    expect(await holder.stop('SIGTERM')).toMatchObject({ code: 0 })
    await ended
  })

  // As in a container, where the same numbers come again.
  test('that was killed with the number of this one has left its socket', async () => {
    using folder = new Folder()
    using home = Netns.create('home')
    const socket = folder.file('s')
    const left = ['sh', '-c', ': >"$0.holder-$$" && exec "$@"', socket]
    const words = ['daemon', '--holder', '--socket', socket, '--state', folder.file('state.json')]
    await using held = new Program([process.execPath, COMMAND, ...words], {
      prefix: [...inside(home), ...left],
    })
    await until(
      'a daemon to listen',
      async () => held.hasEnded || (await ask(socket, 'GET', '/v1/version').catch(() => undefined)),
    )
    expect(await held.stop('SIGTERM')).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(folder.path).filter((name) => name.includes('holder'))).toEqual([])
  })
})

describe('who ends it', () => {
  test('a pair that is deleted is gone when the order is answered; so are all with the daemon', async () => {
    await using held = await Held.start()
    const { home, far } = held
    await held.add(CABLE(far))
    expect((await held.ask('DELETE', '/v1/pairs/id:cable')).status).toBe(204)
    expect([home.ip('-o', 'link'), far.ip('-o', 'link')].join()).not.toMatch(/x[01]/)
    await until('its copies to go', () => held.copies === 0)
    await held.add(CABLE(far))
    const stop = await uvethOnce(['daemon', '--stop', '--socket', held.socket], { prefix: inside(home) })
    expect(stop.code).toBe(0)
    expect(home.ip('-o', 'link')).not.toContain('x0')
    expect(await held.holder.ended).toMatchObject({ code: 0 })
    expect(readdirSync(held.folder.path).filter((name) => name.includes('holder'))).toEqual([])
  })

  test('SIGTERM for the holder ends both, and every pair', async () => {
    await using held = await Held.start()
    await held.add(CABLE(held.far))
    expect(await held.holder.stop('SIGTERM')).toMatchObject({ code: 0 })
    expect(held.home.ip('-o', 'link')).not.toContain('x0')
  })
})
