import { describe, expect, test } from 'vitest'
import { REFUSALS } from '../../../src/contract/ops.js'
import { errno, invalid, renamed, systemError, UvethError } from '../../../src/errors.js'
import { problem, problemOf } from '../../../src/servers/problem.js'

describe('a document', () => {
  test('keeps every field of an error of ours', () => {
    const error = systemError(-17, 'ioctl(TUNSETIFF)', 'veth0', 'choose another name', 'a.name')
    expect(problemOf(error)).toEqual({
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: error.message,
      code: 'EEXIST',
      errno: -17,
      syscall: 'ioctl(TUNSETIFF)',
      hint: 'choose another name',
      attribute: 'a.name',
    })
  })

  test.each(Object.entries(REFUSALS))('%s has the status of the table', (code, { status }) => {
    expect(problemOf(new UvethError('x', { code })).status).toBe(status)
  })

  test('whatever else the kernel says about an order is 422; what nobody expected is 500 and tells nothing', () => {
    expect(problemOf(systemError(-28, 'write')).status).toBe(422)
    expect(problemOf(new UvethError('x', { code: 'ERR_LINK' })).status).toBe(500)
    const inside = problemOf(new TypeError("cannot read 'secret'"))
    expect(inside.status).toBe(500)
    expect(JSON.stringify(inside)).not.toContain('secret')
  })
})

test('every document has a code and a number', () => {
  for (const status of [400, 404, 405, 408, 413, 414, 415, 422, 431, 503]) {
    expect(problem(status, 'x')).toMatchObject({
      status,
      code: expect.stringMatching(/^E/),
      errno: expect.any(Number),
    })
  }
})

test('an attribute may be renamed, in the message as well', () => {
  const error = invalid('rule.match.udp must be an object', 'rule.match.udp')
  const refusal = renamed(error, (attribute) => attribute.replace('rule.', '')) as UvethError
  expect(refusal).toMatchObject({
    message: 'EINVAL: match.udp must be an object',
    attribute: 'match.udp',
    code: 'EINVAL',
  })
  const path = systemError(errno.ENOENT, 'open', '/run/netns/none', 'ip netns add none', 'netns')
  expect(renamed(path, () => '--netns')).toMatchObject({ message: path.message, attribute: '--netns' })
  const other = new Error('x')
  expect(renamed(other, () => '')).toBe(other)
})
