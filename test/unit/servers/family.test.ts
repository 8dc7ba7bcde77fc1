// The family `veth` as a pure function: every request that it knows, every refusal, and whatever bytes may come.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMessages } from '../../../src/netlink/message.js'
import { outcomeOf, type Reading, readMessage, refuseCut, type Sender } from '../../../src/servers/family.js'
import { hex } from '../netlink/bytes.js'

const ROOT: Sender = { port: 0x0a0b0c0d, admin: true }
const OTHER: Sender = { port: 0x0a0b0c0d, admin: false }

const [EPERM, ENOENT, E2BIG, ENODEV, EINVAL, EMSGSIZE, EOPNOTSUPP] = [1, 2, 7, 19, 22, 90, 95]

/** ADD with the attributes given, as a well-behaved client sends it. */
function request(cmd: string, attributes: string[], { type = '13 00', flags = '05 00' } = {}): Uint8Array {
  const body = hex(cmd, '01', '00 00', ...attributes)
  const length = Buffer.from(Uint32Array.of(16 + body.length).buffer).toString('hex')
  return new Uint8Array([...hex(length, type, flags, '2a 00 00 00', '00 00 00 00'), ...body])
}

const DEVNAME_V0 = ['07 00', '01 00', '76 30 00', '00']
const PEERNAME_V1 = ['07 00', '02 00', '76 31 00', '00']

function read(bytes: Uint8Array, sender = ROOT): Reading {
  const [message, ...more] = parseMessages(bytes)
  if (message === undefined || more.length > 0) throw new Error('not one message')
  return readMessage(message, sender)
}

/** The errno of the one NLMSG_ERROR that a request is answered with. */
function refusal(bytes: Uint8Array, sender = ROOT): number {
  const reading = read(bytes, sender)
  if (!('answers' in reading)) throw new Error(`taken as an order: ${JSON.stringify(reading)}`)
  const [answer, ...more] = reading.answers.flatMap(parseMessages)
  expect(more).toEqual([])
  expect(answer).toMatchObject({ type: 2, flags: 0, seq: 42, pid: ROOT.port })
  expect(answer?.payload.subarray(4)).toEqual(bytes) // the whole request comes back
  return -Buffer.from(answer?.payload ?? []).readInt32LE(0)
}

describe('orders', () => {
  test('ADD', () => {
    const order = { op: 'add', name: 'v0', peer: 'v1' }
    expect(read(request('01', [...DEVNAME_V0, ...PEERNAME_V1]))).toEqual({ order })
    expect(read(request('01', [...PEERNAME_V1, ...DEVNAME_V0]))).toEqual({ order })
  })

  test('DEL; a peer name is of no account', () => {
    const order = { op: 'del', name: 'v0' }
    expect(read(request('02', DEVNAME_V0))).toEqual({ order })
    expect(read(request('02', [...DEVNAME_V0, ...PEERNAME_V1]))).toEqual({ order })
  })

  test.each<[string, string[], string]>([
    ['up to the first NUL', ['08 00 01 00', '76 00 30 31'], 'v'],
    ['without the last byte where there is no NUL', ['07 00 01 00', '76 30 6f', '00'], 'v0'],
    ['15 characters and a NUL', ['14 00 01 00', '61'.repeat(15), '00'], 'a'.repeat(15)],
    ['15 characters and garbage', ['14 00 01 00', '61'.repeat(15), 'ff'], 'a'.repeat(15)],
    ['the last of two', ['07 00 01 00', '61 61 00', '00', ...DEVNAME_V0], 'v0'],
    ['in an attribute marked as nested', ['07 00 01 80', '76 30 00', '00'], 'v0'],
    ['beside attributes that nobody knows', ['04 00 09 00', ...DEVNAME_V0], 'v0'],
    ['in front of a faulty tail', [...DEVNAME_V0, '03 00 01 00'], 'v0'],
    ['in UTF-8', ['07 00 01 00', 'c3 a9 00', '00'], 'é'],
  ])('a name: %s', (_, attributes, name) => {
    expect(read(request('02', attributes))).toEqual({ order: { op: 'del', name } })
  })

  test('sequence number, port id and version are not looked at', () => {
    const bytes = request('02', DEVNAME_V0, { flags: '01 00' })
    bytes.set(hex('00 00 00 00', 'c0 5f 8e b7', '02 b7 08 04'), 8)
    expect(read(bytes)).toEqual({ order: { op: 'del', name: 'v0' } })
  })
})

describe('refusals', () => {
  test.each<[string, Uint8Array, number]>([
    ['ADD without names', request('01', []), ENOENT],
    ['ADD without a peer', request('01', DEVNAME_V0), ENOENT],
    ['ADD without a device', request('01', PEERNAME_V1), ENOENT],
    ['DEL without a name', request('02', PEERNAME_V1), ENOENT],
    ['a name of 17 bytes', request('02', ['15 00 01 00', '61'.repeat(17), '00 00 00']), E2BIG],
    ['a peer of 17 bytes', request('01', [...DEVNAME_V0, '15 00 02 00', '61'.repeat(17), '00 00 00']), E2BIG],
    ['a name of no bytes', request('02', ['04 00 01 00']), EINVAL],
    ['an empty name for ADD', request('01', ['05 00 01 00', '00 00 00 00', ...PEERNAME_V1]), EINVAL],
    ['an empty name for DEL, which nothing is called', request('02', ['05 00 01 00', '00 00 00 00']), ENODEV],
    ['no UTF-8 for ADD', request('01', ['07 00 01 00', 'ff fe 00', '00', ...PEERNAME_V1]), EINVAL],
    ['no UTF-8 for DEL', request('02', ['07 00 01 00', 'ff fe 00', '00']), ENODEV],
    ['an attribute past the end', request('02', ['08 00 01 00', '76 30 00']), ENOENT],
    ['VETH_CMD_UNSPEC', request('00', DEVNAME_V0), EOPNOTSUPP],
    ['an unknown command', request('03', DEVNAME_V0), EOPNOTSUPP],
    ['a dump', request('01', DEVNAME_V0, { flags: '05 03' }), EOPNOTSUPP],
    ['an unknown family', request('01', DEVNAME_V0, { type: '14 00' }), ENOENT],
    ['another command of the controller', request('02', [], { type: '10 00' }), EOPNOTSUPP],
    ['no command', hex('10 00 00 00', '13 00', '05 00', '2a 00 00 00', '00 00 00 00'), EINVAL],
    ['half a command', hex('12 00 00 00', '13 00', '05 00', '2a 00 00 00', '00 00 00 00', '01 01'), EINVAL],
  ])('%s', (_, bytes, errno) => {
    expect(refusal(bytes)).toBe(errno)
  })

  test('orders of one who may not give them: EPERM, whatever the names', () => {
    expect(refusal(request('01', [...DEVNAME_V0, ...PEERNAME_V1]), OTHER)).toBe(EPERM)
    expect(refusal(request('02', []), OTHER)).toBe(EPERM)
  })

  test('no request, and types of netlink itself, are skipped', () => {
    for (const part of [{ flags: '04 00' }, { type: '01 00' }, { type: '0f 00' }]) {
      expect(read(request('01', [...DEVNAME_V0, ...PEERNAME_V1], part))).toEqual({ answers: [] })
    }
  })

  test('a datagram that was cut: EMSGSIZE, with the header only', () => {
    const [message] = parseMessages(request('02', DEVNAME_V0))
    if (message === undefined) throw new Error('no message')
    const [answer] = refuseCut(message, ROOT.port).flatMap(parseMessages)
    expect(answer).toMatchObject({ type: 2, flags: 0x100, seq: 42 })
    expect(Buffer.from(answer?.payload ?? []).readInt32LE(0)).toBe(-EMSGSIZE)
    expect(answer?.payload).toHaveLength(20)
  })
})

describe('outcomes', () => {
  const [asked] = parseMessages(request('02', DEVNAME_V0))
  const [unasked] = parseMessages(request('02', DEVNAME_V0, { flags: '01 00' }))
  if (asked === undefined || unasked === undefined) throw new Error('no message')

  test('success is told to those who ask, with their header', () => {
    expect(outcomeOf(unasked, ROOT.port, 0)).toEqual([])
    expect(outcomeOf(asked, ROOT.port, 0)).toEqual([
      hex(
        '24 00 00 00', // nlmsg_len: 16 + 4 + 16
        '02 00', // NLMSG_ERROR
        '00 01', // NLM_F_CAPPED
        '2a 00 00 00', // nlmsg_seq: the request's
        '0d 0c 0b 0a', // nlmsg_pid: the requester's port
        '00 00 00 00', // error
        '1c 00 00 00', // the request's header
        '13 00',
        '05 00',
        '2a 00 00 00',
        '00 00 00 00',
      ),
    ])
  })

  test('an error to everybody; of a very long request only the header comes back', () => {
    expect(outcomeOf(unasked, ROOT.port, -17)).toHaveLength(1)
    const long = { ...asked, payload: new Uint8Array(100_000) }
    expect(outcomeOf(long, ROOT.port, -17)[0]).toHaveLength(36)
  })
})

describe('CTRL_CMD_GETFAMILY', () => {
  const ctrl = (attributes: string[], flags = '01 00') => request('03', attributes, { type: '10 00', flags })
  const VETH = [
    '01 02 00 00', // CTRL_CMD_NEWFAMILY, version 2
    '09 00 02 00', // CTRL_ATTR_FAMILY_NAME
    '76 65 74 68 00 00 00 00', // "veth"
    '06 00 01 00', // CTRL_ATTR_FAMILY_ID
    '13 00 00 00',
    '08 00 03 00', // CTRL_ATTR_VERSION
    '01 00 00 00',
    '08 00 04 00', // CTRL_ATTR_HDRSIZE
    '00 00 00 00',
    '08 00 05 00', // CTRL_ATTR_MAXATTR
    '02 00 00 00',
    '2c 00 06 00', // CTRL_ATTR_OPS, without NLA_F_NESTED
    '14 00 01 00', // the first
    '08 00 01 00 01 00 00 00', // CTRL_ATTR_OP_ID: VETH_CMD_ADD
    '08 00 02 00 0b 00 00 00', // CTRL_ATTR_OP_FLAGS: ADMIN_PERM, CAP_DO, CAP_HASPOL
    '14 00 02 00', // the second
    '08 00 01 00 02 00 00 00', // VETH_CMD_DEL
    '08 00 02 00 0b 00 00 00',
  ]
  const answers = (bytes: Uint8Array, sender = ROOT) => {
    const reading = read(bytes, sender)
    return 'answers' in reading ? reading.answers.flatMap(parseMessages) : []
  }

  test.each<[string, string[]]>([
    ['by name', ['09 00 02 00', '76 65 74 68 00', '00 00 00']],
    ['by name and garbage', ['09 00 02 00', '76 65 74 68 6f', '00 00 00']],
    ['by name without a terminator', ['08 00 02 00', '76 65 74 68']],
    ['by id', ['06 00 01 00', '13 00', '00 00']],
  ])('%s, by anybody', (_, attributes) => {
    const veth = { type: 0x10, flags: 0, seq: 42, pid: ROOT.port, payload: hex(...VETH) }
    expect(answers(ctrl(attributes))).toEqual([veth])
    expect(answers(ctrl(attributes), OTHER)).toEqual([veth])
  })

  test('with NLM_F_ACK an acknowledgement follows', () => {
    expect(answers(ctrl(['06 00 01 00', '13 00', '00 00'], '05 00')).map(({ type }) => type)).toEqual([
      0x10, 2,
    ])
  })

  test.each<[string, string[], number]>([
    ['an unknown name', ['09 00 02 00', '65 74 75 6e 00', '00 00 00'], ENOENT],
    ['an unknown id', ['06 00 01 00', '99 00', '00 00'], ENOENT],
    ['an id of a wrong length', ['08 00 01 00', '13 00 00 00'], EINVAL],
    ['neither', [], EINVAL],
  ])('%s', (_, attributes, errno) => {
    expect(refusal(ctrl(attributes))).toBe(errno)
  })

  test('the dump: both families, then NLMSG_DONE, all marked NLM_F_MULTI', () => {
    const dump = answers(ctrl([], '01 03'))
    expect(dump.map(({ type, flags }) => [type, flags])).toEqual([
      [0x10, 2],
      [0x10, 2],
      [3, 2],
    ])
    expect(dump[1]?.payload).toEqual(hex(...VETH))
    expect(dump[2]?.payload).toEqual(hex('00 00 00 00'))
  })
})

describe('whatever comes', () => {
  const samples = [
    request('01', [...DEVNAME_V0, ...PEERNAME_V1]),
    request('02', DEVNAME_V0),
    request('03', ['09 00 02 00', '76 65 74 68 00', '00 00 00'], { type: '10 00' }),
  ]
  const consider = (bytes: Uint8Array) => {
    for (const message of parseMessages(bytes)) {
      const reading = readMessage(message, ROOT)
      if ('order' in reading) expect(Buffer.byteLength(reading.order.name)).toBeLessThanOrEqual(16)
      else for (const answer of reading.answers) expect(parseMessages(answer)).toHaveLength(1)
      // Nobody else ever gets an order through.
      expect(readMessage(message, OTHER)).toHaveProperty('answers')
    }
  }

  test('cut at each length, with the header saying so or not', () => {
    for (const sample of samples) {
      for (let length = 0; length <= sample.length; length++) {
        consider(sample.subarray(0, length))
        const honest = sample.slice(0, length)
        if (length >= 16) honest.set(Uint8Array.of(length, 0, 0, 0))
        consider(honest)
      }
    }
  })

  test('with any bytes changed, or noise behind a good header', () => {
    const anyByte = fc.tuple(fc.nat({ max: 43 }), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.array(anyByte, { maxLength: 6 }), (sample, changes) => {
        const bytes = sample.slice()
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        consider(bytes)
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (noise) => {
        const header = hex('00 00 00 00', '13 00', '05 00', '2a 00 00 00', '00 00 00 00', '01 01 00 00')
        header[0] = header.length + noise.length
        consider(new Uint8Array([...header, ...noise]))
      }),
      { numRuns: 2000 },
    )
  })
})
