// Errors as users see them: a failed system call looks like Node's own error, misuse has no system call, and
// both survive the way through another thread. src/errors.ts. Which call fails with which error is said
// where it is called.

import { openSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { errno, fromWire, invalid, systemError, toWire, UvethError } from '../../src/errors.js'

describe('systemError', () => {
  test('reads and answers as an error of Node does', () => {
    let nodes: NodeJS.ErrnoException | undefined
    try {
      openSync('/nowhere', 'r')
    } catch (error) {
      nodes = error as NodeJS.ErrnoException
    }
    const ours = systemError(errno.ENOENT, 'open', '/nowhere')
    expect(ours.message).toBe(nodes?.message)
    expect(ours).toMatchObject({ code: nodes?.code, errno: nodes?.errno, syscall: nodes?.syscall })
  })

  test('names the call and what it was about', () => {
    const error = systemError(errno.EPERM, 'ioctl(TUNSETIFF)', 'veth0')
    expect(error.message).toBe("EPERM: operation not permitted, ioctl(TUNSETIFF) 'veth0'")
    expect(error).toMatchObject({ name: 'UvethError', code: 'EPERM', errno: -1, syscall: 'ioctl(TUNSETIFF)' })
    expect(error.hint).toBeUndefined()
  })

  test('ends in what to do about it', () => {
    const error = systemError(errno.ENOENT, 'open', '/dev/net/tun', 'modprobe tun')
    expect(error.message).toBe("ENOENT: no such file or directory, open '/dev/net/tun' (modprobe tun)")
    expect(error.hint).toBe('modprobe tun')
  })

  test('may be about nothing, and name the option at fault', () => {
    const error = systemError(errno.EBUSY, 'bind', undefined, undefined, 'netns')
    expect(error.message).toBe('EBUSY: resource busy or locked, bind')
    expect(error.attribute).toBe('netns')
  })
})

describe('what an errno is called', () => {
  const told = (number: number) => systemError(number, 'call').message

  test.each([
    ['EBADFD', -77, 'file descriptor in bad state'], // libuv has no name for it
    ['EOPNOTSUPP', -constants.errno.EOPNOTSUPP, 'operation not supported'], // libuv calls it ENOTSUP
    ['EEXIST', errno.EEXIST, 'file exists'],
    ['ENODEV', errno.ENODEV, 'no such device'],
  ])('%s', (code, number, sentence) => {
    expect(told(number)).toBe(`${code}: ${sentence}, call`)
  })

  test('a number that nobody knows is told as it is', () => {
    expect(told(-9999)).toBe('errno 9999: unknown error, call')
  })

  test('all of ours are negative, and have the name that we use', () => {
    for (const [name, number] of Object.entries(errno)) {
      expect(number).toBeLessThan(0)
      expect(systemError(number, 'call').code).toBe(name)
    }
  })
})

describe('invalid', () => {
  test('is EINVAL by default, and no system call', () => {
    const error = invalid('mtu must be a number', 'a.mtu')
    expect(error.message).toBe('EINVAL: mtu must be a number')
    expect(error).toMatchObject({ code: 'EINVAL', errno: errno.EINVAL, attribute: 'a.mtu' })
    expect(error.syscall).toBeUndefined()
  })

  test('may have another code', () => {
    expect(invalid('the pair is closed', undefined, 'ENODEV')).toMatchObject({
      code: 'ENODEV',
      errno: errno.ENODEV,
    })
  })
})

describe('to another thread', () => {
  test.each([
    systemError(errno.EPERM, 'ioctl(TUNSETIFF)', 'veth0', 'run as root', 'a.name'),
    invalid('no', 'b.mtu'),
    new UvethError('the link thread failed', { code: 'ERR_LINK' }),
  ])('every field survives: $message', (error) => {
    const arrived = fromWire(structuredClone(toWire(error)))
    expect(arrived).toBeInstanceOf(UvethError)
    const { message, code, errno: number, syscall, hint, attribute } = arrived
    expect({ message, code, errno: number, syscall, hint, attribute }).toEqual({
      message: error.message,
      code: error.code,
      errno: error.errno,
      syscall: error.syscall,
      hint: error.hint,
      attribute: error.attribute,
    })
  })

  test.each<[string, unknown]>([
    ['an error of ours that is a fault of ours', new TypeError('x is undefined')],
    ['what is no error', 'a text'],
  ])('%s arrives as an internal one', (_, thrown) => {
    const arrived = fromWire(structuredClone(toWire(thrown)))
    expect(arrived.code).toBe('ERR_INTERNAL')
    expect(arrived.message).toMatch(/^internal error: .*(x is undefined|a text)/s)
  })
})
