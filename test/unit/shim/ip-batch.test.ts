// What shim/ip makes of `ip -batch`: whose it is, and which lines the real ip is given.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ShimScript } from '../../support/shim-script.js'

const setting = new ShimScript()
const { folder } = setting
afterAll(() => setting[Symbol.dispose]())

describe('-batch', () => {
  const file = (text: string) => {
    const path = join(folder, 'orders')
    writeFileSync(path, text)
    return path
  }
  const look = 'ip -d -o link show type tun'

  test('a file with none of ours is the real ip’s', () => {
    const path = file('link add veth0 type dummy\naddr add 10.0.0.1/24 dev veth0\n')
    expect(setting.called(['-b', path], { code: 1 })).toEqual({
      notes: [look, `ip -b ${path}`],
      code: 1,
      said: '',
    })
  })

  test('a file with one of ours is uveth’s', () => {
    const path = file('addr add 10.0.0.1/24 dev lo\nlink add veth0 \\\n type veth\n')
    expect(setting.called(['-force', '-batch', path]).notes).toEqual([
      `node ${setting.main} shim batch ${setting.real} 0 0  -force -batch ${path}`,
    ])
  })

  test('a folder is the real ip’s, as it is', () => {
    expect(setting.called(['-b', folder], { code: 1 })).toEqual({
      notes: [`ip -b ${folder}`],
      code: 1,
      said: '',
    })
  })

  test('an order is no exit code, also where the real ip’s is lost', () => {
    const killer = join(folder, 'killer')
    mkdirSync(killer)
    writeFileSync(join(killer, 'ip'), '#!/bin/sh\n[ "$1" != -b ] || { cat; kill -PIPE $PPID; }\n', {
      mode: 0o755,
    })
    const input = 'addr\nlink add x type veth\n'
    expect(setting.called(['-b', '-'], { input, path: [setting.shim, killer] })).toEqual({
      notes: [],
      code: 1,
      said: 'addr\n',
    })
  })

  test('stdin with none of ours is copied as it is', () => {
    const input = 'link add x type dummy\n\n# veth0\naddr \\\n  add 10.0.0.1/24 dev x\nroute'
    const { notes, code } = setting.called(['-batch', '-'], { input, code: 1 })
    expect(notes).toEqual([look, 'ip -batch -', ...input.split('\n')])
    expect(code).toBe(1)
  })

  test('stdin is uveth’s from the first of ours on', () => {
    const input = 'addr\n\nlink add x \\\n type veth\nroute\n'
    expect(setting.called(['-b', '-'], { input }).notes).toEqual([
      look,
      'ip -b -',
      'addr',
      '',
      `node ${setting.main} shim batch ${setting.real} 4 0 link add x \\`,
      ' type veth -b -',
    ])
  })

  test('a failure before the first of ours ends it, unless -force is given', () => {
    const input = 'addr\nlink add x type veth\n'
    expect(setting.called(['-b', '-'], { input, code: 1 })).toMatchObject({
      notes: [look, 'ip -b -', 'addr'],
      code: 1,
    })
    expect(setting.called(['-fo', '-b', '-'], { input, code: 1 }).notes.at(-1)).toBe(
      `node ${setting.main} shim batch ${setting.real} 2 1 link add x type veth -fo -b -`,
    )
  })
})
