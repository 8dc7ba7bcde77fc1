// IFF_TUN_EXCL refuses a taken name with EBUSY, whatever kind of device has it, instead of attaching to it.
// Relied on by src/link/tap-queue.ts (openQueue, setIffError): a pair never attaches to somebody's TAP, and EBUSY
// is told as EEXIST.

import { expect, onTestFinished } from 'vitest'
import { run, uniqueName } from '../support/netns.js'
import { EBUSY, EINVAL, FLAGS, IFF_NO_PI, IFF_TAP, IFF_TUN_EXCL, RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip')

it('refuses the name of a TAP that is in use', () => {
  using tap = RawTap.open()
  expect(() => RawTap.open(tap.name, FLAGS)).toThrow(`answered ${-EBUSY}`)
})

it('refuses the name of a persistent TAP, which would be attached to without it', () => {
  const name = uniqueName()
  run('ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap')
  onTestFinished(() => void run('ip', 'link', 'del', name))
  expect(() => RawTap.open(name, IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL)).toThrow(`answered ${-EBUSY}`)
  using attached = RawTap.open(name, IFF_TAP | IFF_NO_PI)
  expect(attached.name).toBe(name)
})

it('refuses the name of a device that is no TAP with the same error, otherwise EINVAL', () => {
  expect(() => RawTap.open('lo', FLAGS)).toThrow(`answered ${-EBUSY}`)
  expect(() => RawTap.open('lo', FLAGS & ~IFF_TUN_EXCL)).toThrow(`answered ${-EINVAL}`)
})

it('takes a template, and gives the first free number', () => {
  const template = `${uniqueName().slice(0, 11)}%d`
  using first = RawTap.open(template)
  using second = RawTap.open(template)
  expect([first.name, second.name]).toEqual([template.replace('%d', '0'), template.replace('%d', '1')])
})
