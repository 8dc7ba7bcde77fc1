// What shim/ip makes of a command line: whose it is, with which words it goes there, and that no line starts a
// process more than it has to. The `ip` behind it and the `node` that it starts are scripts that note how
// they were called; an `ip` can be given an answer.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const SHIM = new URL('../../../shim/ip', import.meta.url).pathname

let folder: string
let shim: string

/** Notes `NAME<TAB>WORD<TAB>WORD…`; then an `ip` reads stdin where it is given -batch -, and ends with its code. */
const FAKE = `#!/bin/sh
{ printf '%s' "\${0##*/}"; for word; do printf '\\t%s' "$word"; done; printf '\\n'; } >> "$NOTES"
case " $* " in
  *' -o link show '*) printf '%s' "$LINES_OF_IP"; exit 0 ;;
  *' -batch - '*|*' -b - '*) [ "\${0##*/}" = node ] || cat >> "$NOTES" ;;
esac
exit "\${CODE:-0}"
`

function script(path: string, text: string): void {
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'uvt-shim-'))
  shim = join(folder, 'package', 'shim')
  mkdirSync(shim, { recursive: true })
  cpSync(SHIM, join(shim, 'ip'))
  mkdirSync(join(folder, 'bin'))
  for (const name of ['ip', 'node']) script(join(folder, 'bin', name), FAKE)
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Setting {
  path?: string[]
  lines?: string
  input?: string
  code?: number
  command?: string
}

/** Runs the shim, and answers what the others were called with, a line each. */
function called(
  words: readonly string[],
  setting: Setting = {},
): { notes: string[]; code: number | null; said: string } {
  const { lines = '', input = '', code = 0, command = join(shim, 'ip') } = setting
  const notes = join(folder, 'notes')
  writeFileSync(notes, '')
  const path = [...(setting.path ?? [shim, join(folder, 'bin')]), '/usr/bin', '/bin'].join(':')
  const { status, stdout, stderr } = spawnSync(command, words, {
    input,
    encoding: 'utf8',
    env: { PATH: path, NOTES: notes, LINES_OF_IP: lines, CODE: String(code) },
  })
  return {
    notes: readFileSync(notes, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replaceAll('\t', ' ')),
    code: status,
    said: stdout + stderr,
  }
}

const split = (line: string) => line.split(' ').filter((word) => word !== '')
const main = () => `${shim}/../dist/cli/main.js`
const real = () => join(folder, 'bin', 'ip')

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
    // Decided by uveth, which may still give it to the real ip.
    'link add dummy0 alias x type veth type dummy',
  ])('ip %s', (line) => {
    expect(called(split(line)).notes).toEqual([`node ${main()} shim ip ${real()} ${line}`])
  })

  test('its exit code is the one of uveth', () => {
    expect(called(split('link add veth0 type veth'), { code: 2 })).toMatchObject({ code: 2, said: '' })
  })
})

describe('everything else is passed on, by exec and with every word as it is', () => {
  test.each([
    '',
    'link',
    'l',
    'link show',
    'link show type veth',
    'addr add 10.0.0.1/24 dev veth0',
    'address show type veth',
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
    '-batch /nowhere/at/all',
    '-x link add',
    'link del group 5',
    'link del',
  ])('ip %s', (line) => {
    for (const code of [0, 1, 2, 255])
      expect(called(split(line), { code })).toEqual({ notes: [`ip ${line}`.trim()], code, said: '' })
  })

  test('words with white space, quotes and stars', () => {
    const words = ['link', 'set', 'x', 'alias', `a  b\t"c" '*' $HOME \\ é`]
    expect(called(words).notes).toEqual([`ip link set x alias a  b "c" '*' $HOME \\ é`])
    expect(called(['link', 'show', '']).notes).toEqual(['ip link show '])
  })
})

describe('the real ip', () => {
  test('is behind us, also when we stand on PATH twice, under a link or with a slash more', () => {
    const link = join(folder, 'link')
    symlinkSync(shim, link)
    const bin = join(folder, 'bin')
    for (const path of [
      [shim, shim, bin],
      [shim, '', link, `${shim}/`, bin],
      ['/nowhere', link, bin, '/usr/bin'],
      [bin],
    ])
      expect(called(['addr'], { path }).notes).toEqual(['ip addr'])
  })

  test('two shims do not call each other in a circle', () => {
    const other = join(folder, 'other', 'shim')
    mkdirSync(other, { recursive: true })
    cpSync(SHIM, join(other, 'ip'))
    for (const path of [
      [shim, other, join(folder, 'bin')],
      [other, shim, other, shim, join(folder, 'bin')],
    ])
      expect(called(['addr'], { path }).notes).toEqual(['ip addr'])
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

  test('a link to the script finds its package', () => {
    const link = join(folder, 'linked-ip')
    symlinkSync(join(shim, 'ip'), link)
    expect(called(split('link add type veth'), { command: link }).notes).toEqual([
      `node ${main()} shim ip ${real()} link add type veth`,
    ])
  })
})

const END =
  '7: left0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP\\    link/ether 02\\    '

describe('an interface that goes', () => {
  test.each(['link del left0', 'l d dev left0', '-n blue link delete left0 type veth'])('ip %s', (line) => {
    // No end of ours: one look, then the order.
    const { notes } = called(split(line), { lines: `${END}alias something else\n` })
    const netns = line.startsWith('-n') ? '-n blue ' : ''
    expect(notes).toEqual([`ip ${netns}-o link show dev left0`, `ip ${line}`])
  })

  test('is ours, and its peer cannot be seen from here', () => {
    const { notes } = called(split('link del left0'), { lines: `${END}alias uveth peer right0 netns blue\n` })
    expect(notes.slice(0, 2)).toEqual(['ip -o link show dev left0', 'ip -n blue -o link show dev right0'])
    expect(notes.at(-1)).toBe(`node ${main()} shim ip ${real()} link del left0`)
  })

  test('is ours: the order, then looks until the peer is gone, which end', () => {
    // An `ip` that shows the same line for both: its peer is called as itself, and never goes.
    const { notes, code } = called(split('link del left0'), { lines: `${END}alias uveth peer left0\n` })
    expect(notes[2]).toBe('ip link del left0')
    expect(new Set(notes.slice(3))).toEqual(new Set(['ip -o link show dev left0']))
    expect(notes.length).toBeGreaterThan(400)
    expect(code).toBe(0)
  })
})

describe('an interface that goes up or down', () => {
  test.each([
    'link set left0 up',
    'l s dev left0 mtu 1400 down',
    'link set up left0',
    'link change up dev left0',
  ])('ip %s', (line) => {
    const { notes } = called(split(line), { lines: `${END}\n` })
    expect(notes).toEqual(['ip -o link show dev left0', `ip ${line}`])
  })

  test('is ours, and carrier has followed', () => {
    const { notes } = called(split('link set left0 up'), { lines: `${END}alias uveth peer left0\n` })
    expect(notes).toEqual([
      'ip -o link show dev left0',
      'ip link set left0 up',
      ...Array(3).fill('ip -o link show dev left0'),
    ])
  })

  test('a refusal is the last word', () => {
    const { notes, code } = called(split('link set left0 up'), {
      lines: `${END}alias uveth peer left0\n`,
      code: 2,
    })
    expect([notes.length, code]).toEqual([2, 2])
  })
})

describe('-batch', () => {
  const file = (text: string) => {
    const path = join(folder, 'orders')
    writeFileSync(path, text)
    return path
  }
  const look = 'ip -o link show type tun'

  test('a file with none of ours is the real ip’s', () => {
    const path = file('link add veth0 type dummy\naddr add 10.0.0.1/24 dev veth0\n')
    expect(called(['-b', path], { code: 1 })).toEqual({ notes: [look, `ip -b ${path}`], code: 1, said: '' })
  })

  test('a file with one of ours is uveth’s', () => {
    const path = file('addr add 10.0.0.1/24 dev lo\nlink add veth0 \\\n type veth\n')
    expect(called(['-force', '-batch', path]).notes).toEqual([
      `node ${main()} shim batch ${real()} 0 0  -force -batch ${path}`,
    ])
  })

  test('stdin with none of ours is copied as it is', () => {
    const input = 'link add x type dummy\n\n# veth0\naddr \\\n  add 10.0.0.1/24 dev x\nroute'
    const { notes, code } = called(['-batch', '-'], { input, code: 1 })
    expect(notes).toEqual([look, 'ip -batch -', ...input.split('\n')])
    expect(code).toBe(1)
  })

  test('stdin is uveth’s from the first of ours on', () => {
    const input = 'addr\n\nlink add x \\\n type veth\nroute\n'
    expect(called(['-b', '-'], { input }).notes).toEqual([
      look,
      'ip -b -',
      'addr',
      '',
      `node ${main()} shim batch ${real()} 4 0 link add x \\`,
      ' type veth -b -',
    ])
  })

  test('a failure before the first of ours ends it, unless -force is given', () => {
    const input = 'addr\nlink add x type veth\n'
    expect(called(['-b', '-'], { input, code: 1 })).toMatchObject({
      notes: [look, 'ip -b -', 'addr'],
      code: 1,
    })
    expect(called(['-fo', '-b', '-'], { input, code: 1 }).notes.at(-1)).toBe(
      `node ${main()} shim batch ${real()} 2 1 link add x type veth -fo -b -`,
    )
  })
})
