// What the shim makes of a command line, the script as well as the built client: whose it is, with which words it goes
// there, and that no line starts a process more than it has to. What a daemon answers: client.test.ts.

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { KINDS, ShimScript } from '../../support/shim-script.js'

const split = (line: string) => line.split(' ').filter((word) => word !== '')

describe.each(KINDS)('the %s', (kind) => {
  const setting = new ShimScript(kind)
  const { folder, shim, bin, main } = setting
  afterAll(() => setting[Symbol.dispose]())

  describe('link add of type veth is ours', () => {
    test.each([
      'link add veth0 type veth peer name veth1',
      'link add veth0 type veth',
      'link add type veth',
      'l a veth0 ty veth',
      'li ad name veth0 typ veth peer veth1',
      'link add name veth0 numtxqueues 4 type veth peer name veth1 netns 17',
      'lin replace veth0 type veth',
      'l r veth0 type veth',
      '-n blue link add veth0 type veth',
      '-netns blue -s -d -j link add veth0 type veth',
      '--netns blue link add veth0 type veth',
      '-4 -o -br link add veth0 type veth',
      '-6 -force link add veth0 type veth',
      '-f inet link add veth0 type veth',
      '-l 5 -rc 10000 -- link add veth0 type veth',
      '-c=never -p -ts -N link add veth0 type veth',
      '-color= -co=always --c=auto -colo link add veth0 type veth',
      '-h -hu -human-readable -i -stats -statistics -det -resolve -one -t -tsh -fo link add veth0 type veth',
      '-bri -js -pre -Nu -a -all -echo -0 -M -B link add veth0 type veth',
      // Decided by uveth, which may still give it to the real ip.
      'link add dummy0 alias x type veth type dummy',
    ])('ip %s', (line) => {
      expect(setting.called(split(line)).notes).toEqual([`node ${main} shim ip ${setting.real} ${line}`])
    })

    test('its exit code is the one of uveth', () => {
      expect(setting.called(split('link add veth0 type veth'), { code: 2 })).toMatchObject({
        code: 2,
        said: '',
      })
    })
  })

  describe('everything else is passed on, by exec and with every word as it is', () => {
    test.each([
      '',
      'link',
      'l',
      'link show',
      'link show master br0',
      'addr add 10.0.0.1/24 dev veth0',
      'link add br0 type bridge',
      'link add veth type dummy',
      'link add name veth0 link eth0 type vlan id 5',
      'link set veth0 master br0',
      'link set veth0 netns blue',
      'link set veth0 netns blue up',
      'link set group 5 up',
      'link help veth',
      'link property add dev veth0 altname type veth',
      'netns exec blue ip link add veth0 type veth',
      'netns add veth',
      'route add default via 10.0.0.1',
      'tunnel add type veth',
      '-V',
      '-n',
      '-n blue',
      '-s -j link show dev veth0',
      '-f link add veth0 type veth',
      '-l link add veth0 type veth',
      // iproute2 does not know the option, or shows help or its version and does nothing else.
      '-zzz link add veth0 type veth',
      '-netns=blue link add veth0 type veth',
      '-n blue -netnsx link add veth0 type veth',
      '-4x link add veth0 type veth',
      '-e link add veth0 type veth',
      '-ech link add veth0 type veth',
      '-color=red link add veth0 type veth',
      '-c=x=auto link add veth0 type veth',
      '-s=1 link add veth0 type veth',
      '-nu link add veth0 type veth',
      '--- link add veth0 type veth',
      '-he link add veth0 type veth',
      '-help link add veth0 type veth',
      '-V link add veth0 type veth',
      '-x link set veth0 up',
      '-x addr show type veth',
      // As over kernel veth: show takes type in full only, and the last one counts.
      'link show ty veth',
      'link show type veth type tun',
      '-batch - -x',
      '-batch - -V',
      '-batch - -n',
      '-batch /nowhere/at/all',
      '-x link add',
      'link del group 5',
      'link del',
    ])('ip %s', (line) => {
      for (const code of [0, 1, 2, 255])
        expect(setting.called(split(line), { code })).toEqual({
          notes: [`ip ${line}`.trim()],
          code,
          said: '',
        })
    })

    test('words with white space, quotes and stars', () => {
      const words = ['link', 'set', 'x', 'alias', `a  b\t"c" '*' $HOME \\ é`]
      expect(setting.called(words).notes).toEqual([`ip link set x alias a  b "c" '*' $HOME \\ é`])
      expect(setting.called(['link', 'show', '']).notes).toEqual(['ip link show '])
      expect(setting.called(['-4 -6', 'link', 'add', 'type', 'veth']).notes).toEqual([
        'ip -4 -6 link add type veth',
      ])
    })
  })

  test('variables of the caller are no words of the order', () => {
    const command = ['/usr/bin/env', 'name=left0', 'turns=up', 'batch=orders', 'verb=del', join(shim, 'ip')]
    const [env = '', ...words] = command
    for (const line of ['link set', 'link del', 'link'])
      expect(setting.called([...words, ...split(line)], { command: env }).notes).toEqual([`ip ${line}`])
  })

  describe('the real ip', () => {
    test('is behind us, also when we stand on PATH twice, under a link or with a slash more', () => {
      const link = join(folder, 'link')
      symlinkSync(shim, link)
      for (const path of [
        [shim, shim, bin],
        [shim, '', link, `${shim}/`, bin],
        ['/nowhere', link, bin, '/usr/bin'],
        [bin],
      ])
        expect(setting.called(['addr'], { path }).notes).toEqual(['ip addr'])
    })

    test('two shims do not call each other in a circle', () => {
      const other = setting.copy('other')
      for (const path of [
        [shim, other, bin],
        [other, shim, other, shim, bin],
      ])
        expect(setting.called(['addr'], { path }).notes).toEqual(['ip addr'])
    })

    test('may be missing', () => {
      const empty = join(folder, 'empty')
      mkdirSync(empty)
      const { status, stderr } = spawnSync(join(shim, 'ip'), ['addr'], {
        encoding: 'utf8',
        env: { PATH: `${shim}:${empty}` },
      })
      expect(status).toBe(127)
      expect(stderr).toMatch(/^ip: not found behind [^\n]+ on PATH\n$/)
    })

    test('a link to the script, to its folder or to both finds its package', () => {
      const link = join(folder, 'linked-ip')
      const linked = join(folder, 'linked')
      const twice = join(folder, 'twice-linked-ip')
      symlinkSync(join(shim, 'ip'), link)
      symlinkSync(shim, linked)
      symlinkSync(join(linked, 'ip'), twice)
      for (const command of [link, join(linked, 'ip'), twice]) {
        expect(setting.called(split('link add type veth'), { command }).notes).toEqual([
          `node ${main} shim ip ${setting.real} link add type veth`,
        ])
        expect(setting.called(split('link del x'), { command }).notes.at(-1)).toBe('ip link del x')
      }
    })
  })

  describe('without node on PATH', () => {
    const run = (script: string) => {
      const empty = join(folder, 'no-node')
      mkdirSync(empty, { recursive: true })
      for (const name of ['ip', 'readlink']) rmSync(join(empty, name), { force: true })
      symlinkSync(setting.real, join(empty, 'ip'))
      symlinkSync('/usr/bin/readlink', join(empty, 'readlink'))
      return spawnSync(script, ['link', 'add', 'type', 'veth'], {
        encoding: 'utf8',
        env: { PATH: empty, NOTES: join(folder, 'notes'), UVETH_SOCKET: join(folder, 'nobody') },
      })
    }

    test('one sentence says so', () => {
      const { status, stdout, stderr } = run(join(shim, 'ip'))
      expect({ status, stdout, stderr }).toEqual({
        status: 127,
        stdout: '',
        stderr: 'uveth: node is not on PATH\n',
      })
    })

    test('the one beside a package that is installed for all is taken', () => {
      const prefix = join(folder, 'prefix')
      const installed = setting.copy('prefix/lib/node_modules/uveth')
      mkdirSync(join(prefix, 'bin'))
      writeFileSync(join(prefix, 'bin/node'), '#!/bin/sh\necho "$*"\n', { mode: 0o755 })
      const { status, stdout, stderr } = run(join(installed, 'ip'))
      const main = join(prefix, 'lib/node_modules/uveth/dist/cli/main.js')
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout).toBe(`${main} shim ip ${join(folder, 'no-node/ip')} link add type veth\n`)
    })
  })

  describe('-batch', () => {
    const file = (text: string) => {
      const path = join(folder, 'orders')
      writeFileSync(path, text)
      return path
    }

    test('a file with none of ours is the real ip’s', () => {
      const path = file('link add veth0 type dummy\naddr add 10.0.0.1/24 dev veth0\n')
      expect(setting.called(['-b', path], { code: 1 })).toEqual({
        notes: [`ip -b ${path}`],
        code: 1,
        said: '',
      })
    })

    test('a file with one of ours is uveth’s', () => {
      const path = file('addr add 10.0.0.1/24 dev lo\nlink add veth0 \\\n type veth\n')
      expect(setting.called(['-force', '-batch', path]).notes).toEqual([
        `node ${main} shim batch ip ${setting.real} 0 0  -force -batch ${path}`,
      ])
    })

    test('a folder is the real ip’s, as it is', () => {
      expect(setting.called(['-b', folder], { code: 1 })).toEqual({
        notes: [`ip -b ${folder}`],
        code: 1,
        said: '',
      })
    })
  })

  test('tc without a daemon is the real one’s', () => {
    for (const line of [
      'qdisc add dev left0 root netem delay 1ms',
      '-batch -',
      '-n blue -s qdisc show dev x',
      'qdisc',
    ])
      expect(setting.called(split(line), { command: join(shim, 'tc'), code: 2 })).toEqual({
        notes: [`tc ${line}`],
        code: 2,
        said: '',
      })
  })
})
