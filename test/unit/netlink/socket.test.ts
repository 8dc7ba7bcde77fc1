// The request loop and the monitor, over a scripted kernel: what the addon's functions would answer.

import { beforeEach, describe, expect, test, vi } from 'vitest'
import { UvethError } from '../../../src/errors.js'
import * as nl from '../../../src/netlink/constants.js'
import { encodeMessage, type Message, parseMessages, requestOf } from '../../../src/netlink/message.js'
import { hex } from './bytes.js'

interface Datagram {
  bytes: Uint8Array
  from?: number
  nsid?: number
}

const EPERM = -1
const EAGAIN = -11
const ENOBUFS = -105
const ENOPROTOOPT = -92

const kernel = vi.hoisted(() => ({
  /** What receive answers, one entry a call: a datagram or a negative errno. Empty: EAGAIN. */
  queue: [] as (Datagram | number)[],
  /** Called with each message that is sent. */
  onSend: (_: Message): void => {},
  sendResult: 0,
  bindResult: 0,
  /** What setsockopt answers, by level and option. */
  options: new Map<string, number>(),
  calls: [] as string[],
}))

/** A namespace that may not be entered. */
const FORBIDDEN = 66

vi.mock('../../../src/native.js', () => ({
  netlinkOpen: (protocol: number, nsFd: number) => {
    kernel.calls.push(`open ${protocol} ${nsFd}`)
    if (nsFd === FORBIDDEN) return -1
    return protocol === 77 ? -93 : 42
  },
  netlinkBind: () => kernel.bindResult,
  socketSetOption: (_: number, level: number, option: number, value: number) => {
    kernel.calls.push(`setsockopt ${level} ${option} ${value}`)
    return kernel.options.get(`${level} ${option}`) ?? 0
  },
  closeFd: (fd: number) => {
    kernel.calls.push(`close ${fd}`)
    return 0
  },
  netlinkSend: (_: number, data: Uint8Array, port: number) => {
    if (kernel.sendResult < 0) return kernel.sendResult
    expect(port).toBe(0)
    const [message] = parseMessages(data)
    if (message) kernel.onSend(message)
    return data.length
  },
  netlinkReceive: (_: number, buffer: Uint8Array, meta: Int32Array) => {
    const next = kernel.queue.shift() ?? EAGAIN
    if (typeof next === 'number') return next
    const length = Math.min(buffer.length, next.bytes.length)
    buffer.set(next.bytes.subarray(0, length))
    meta.set([next.from ?? 0, 0, next.nsid ?? -1, -1, length < next.bytes.length ? 1 : 0])
    return length
  },
}))

const { NetlinkSocket } = await import('../../../src/netlink/socket.js')

const get = requestOf('RTM_GETLINK', 'v0', 18, hex('00 00 00 00'))
const dump = requestOf('RTM_GETLINK', 'all links', 18, hex('00 00 00 00'), nl.NLM_F_DUMP)

function datagram(...messages: Partial<Message>[]): Datagram {
  const whole = messages.map((m) =>
    encodeMessage({ type: 16, flags: 0, seq: 0, pid: 0, payload: hex(), ...m }),
  )
  return { bytes: new Uint8Array(Buffer.concat(whole)) }
}

const ack = (seq: number, errno = '00 00 00 00') => ({
  type: nl.NLMSG_ERROR,
  seq,
  flags: nl.NLM_F_CAPPED,
  payload: hex(errno, '14 00 00 00', '12 00', '05 00', '00 00 00 00', '00 00 00 00'),
})
const done = (seq: number, errno = '00 00 00 00') => ({ type: nl.NLMSG_DONE, seq, payload: hex(errno) })

function failure(action: () => unknown): UvethError {
  try {
    action()
  } catch (error) {
    if (error instanceof UvethError) return error
    throw error
  }
  return expect.unreachable('it did not throw')
}

beforeEach(() => {
  kernel.queue = []
  kernel.onSend = () => {}
  kernel.sendResult = 0
  kernel.bindResult = 0
  kernel.options.clear()
  kernel.calls = []
})

describe('open and close', () => {
  test('sets the options, in the namespace', () => {
    using socket = NetlinkSocket.open(nl.NETLINK_ROUTE, 9)
    expect(socket.fd).toBe(42)
    expect(kernel.calls).toEqual([
      'open 0 9',
      'setsockopt 270 11 1',
      'setsockopt 270 10 1',
      'setsockopt 270 12 1',
    ])
  })

  test('an option that the kernel has not heard of is no fault', () => {
    kernel.options.set('270 12', ENOPROTOOPT)
    expect(NetlinkSocket.open(nl.NETLINK_ROUTE).fd).toBe(42)
  })

  test('a failed open leaves no descriptor behind', () => {
    expect(failure(() => NetlinkSocket.open(77))).toMatchObject({ code: 'EPROTONOSUPPORT' })
    expect(failure(() => NetlinkSocket.open(0, FORBIDDEN))).toMatchObject({
      code: 'EPERM',
      hint: expect.stringContaining('--cap-add SYS_ADMIN'),
    })
    kernel.bindResult = EPERM
    expect(failure(() => NetlinkSocket.open(0)).syscall).toBe('bind(AF_NETLINK)')
    expect(kernel.calls).toContain('close 42')
  })

  test('closes once', () => {
    const socket = NetlinkSocket.open(0)
    socket.close()
    socket[Symbol.dispose]()
    expect(kernel.calls.filter((call) => call === 'close 42')).toHaveLength(1)
    expect(socket.fd).toBe(-1)
  })
})

describe('request', () => {
  test('returns what comes before the acknowledgement', () => {
    using socket = NetlinkSocket.open(0)
    kernel.onSend = ({ seq, flags, type }) => {
      expect([type, flags]).toEqual([18, nl.NLM_F_REQUEST | nl.NLM_F_ACK])
      kernel.queue = [datagram({ seq, payload: hex('07') }), datagram(ack(seq))]
    }
    expect(socket.request(get).map((m) => m.payload)).toEqual([hex('07')])
    expect(kernel.queue).toEqual([])
  })

  test('the messages of one answer outlive the next', () => {
    using socket = NetlinkSocket.open(0)
    kernel.onSend = ({ seq }) => {
      kernel.queue = [datagram({ seq, payload: Uint8Array.of(seq) }, ack(seq))]
    }
    const first = socket.request(get)
    socket.request(get)
    expect(first[0]?.payload).toEqual(hex('01'))
  })

  test('collects a dump from several datagrams', () => {
    using socket = NetlinkSocket.open(0)
    kernel.onSend = ({ seq }) => {
      const part = { seq, flags: nl.NLM_F_MULTI }
      kernel.queue = [datagram(part, part), datagram(part, { seq, type: nl.NLMSG_NOOP }), datagram(done(seq))]
    }
    expect(socket.request(dump)).toHaveLength(3)
  })

  test('skips what is not its answer, and what is not from the kernel', () => {
    using socket = NetlinkSocket.open(0)
    kernel.onSend = ({ seq }) => {
      kernel.queue = [
        datagram({ seq: seq - 1 }, ack(seq - 1, 'ff ff ff ff')),
        { ...datagram(ack(seq, 'ff ff ff ff')), from: 4711 },
        datagram({ seq }, ack(seq)),
      ]
    }
    expect(socket.request(get)).toHaveLength(1)
  })

  test('throws a refusal with the kernel sentence as its hint', () => {
    using socket = NetlinkSocket.open(0)
    kernel.onSend = ({ seq }) => {
      const refusal = ack(seq, 'ea ff ff ff') // -22
      const sentence = hex('0b 00', '01 00', '74 6f 6f 20 62 69 00', '00')
      const flags = nl.NLM_F_CAPPED | nl.NLM_F_ACK_TLVS
      const payload = new Uint8Array(Buffer.concat([refusal.payload, sentence]))
      kernel.queue = [datagram({ ...refusal, flags, payload })]
    }
    expect(failure(() => socket.request(get))).toMatchObject({
      code: 'EINVAL',
      errno: -22,
      syscall: 'netlink(RTM_GETLINK)',
      hint: 'too bi',
      message: expect.stringContaining("netlink(RTM_GETLINK) 'v0' (too bi)"),
    })
  })

  test('throws a dump that ends in an error, a send that fails, and silence', () => {
    using socket = NetlinkSocket.open(0)
    kernel.onSend = ({ seq }) => {
      kernel.queue = [datagram({ seq }), datagram(done(seq, 'ed ff ff ff'))]
    }
    expect(failure(() => socket.request(dump)).code).toBe('ENODEV')
    kernel.onSend = () => {}
    expect(failure(() => socket.request(get)).code).toBe('EAGAIN')
    kernel.sendResult = EPERM
    expect(failure(() => socket.request(get)).code).toBe('EPERM')
  })

  test('asks for an inconsistent dump again, and takes the last one', () => {
    using socket = NetlinkSocket.open(0)
    let sent = 0
    let quietAfter = 3
    kernel.onSend = ({ seq }) => {
      const flags = ++sent < quietAfter ? nl.NLM_F_DUMP_INTR : 0
      kernel.queue = [datagram({ seq, flags, payload: Uint8Array.of(sent) }), datagram(done(seq))]
    }
    expect(socket.request(dump).map((m) => m.payload[0])).toEqual([3])
    sent = 0
    quietAfter = Number.POSITIVE_INFINITY
    expect(socket.request(dump).map((m) => m.payload[0])).toEqual([5])
  })

  test('grows its buffer for a longer answer, and gives up at a limit', () => {
    using socket = NetlinkSocket.open(0)
    let size = 100_000
    let sent = 0
    kernel.onSend = ({ seq }) => {
      sent++
      kernel.queue = [datagram({ seq, payload: new Uint8Array(size) }), datagram(ack(seq))]
    }
    expect(socket.request(get)[0]?.payload.length).toBe(size)
    expect(sent).toBe(3) // 32 KiB, 64, 128
    // The end of the answer in the part that was cut off: nothing follows.
    kernel.onSend = ({ seq }) => {
      kernel.queue = [datagram({ seq, payload: new Uint8Array(size) }, ack(seq))]
    }
    size = 200_000
    expect(socket.request(get)[0]?.payload.length).toBe(size)
    size = 2 << 20
    expect(failure(() => socket.request(get)).code).toBe('EMSGSIZE')
  })
})

describe('monitor', () => {
  test('receives everything that waits, with its namespace', () => {
    using socket = NetlinkSocket.open(0)
    kernel.queue = [
      { ...datagram({ type: 16 }, { type: 17 }), nsid: 3 },
      { ...datagram({}), from: 5 },
      datagram({}),
    ]
    const received = socket.receive()
    expect(received).not.toBe('overrun')
    if (received === 'overrun') return
    expect(received.map(({ message, nsid }) => [message.type, nsid])).toEqual([
      [16, 3],
      [17, 3],
      [16, -1],
    ])
    expect(socket.receive()).toEqual([])
  })

  test('an overrun empties the queue', () => {
    using socket = NetlinkSocket.open(0)
    kernel.queue = [datagram({}), ENOBUFS, datagram({}), datagram({})]
    expect(socket.receive()).toBe('overrun')
    expect(kernel.queue).toEqual([])
    kernel.queue = [datagram({ payload: new Uint8Array(2 << 20) }), datagram({})]
    expect(socket.receive()).toBe('overrun')
    expect(socket.receive()).toEqual([])
  })

  test('other errors are thrown', () => {
    using socket = NetlinkSocket.open(0)
    kernel.queue = [-9]
    expect(failure(() => socket.receive()).code).toBe('EBADF')
  })

  test('does with fewer rights what it can', () => {
    using socket = NetlinkSocket.open(0)
    expect(socket.listenAllNsid()).toBe(true)
    kernel.options.set('270 8', EPERM).set('1 33', EPERM)
    expect(socket.listenAllNsid()).toBe(false)
    socket.setReceiveBuffer(1 << 20)
    socket.join(nl.RTNLGRP_NSID)
    expect(kernel.calls.slice(-3)).toEqual([
      'setsockopt 1 33 1048576',
      'setsockopt 1 8 1048576',
      'setsockopt 270 1 28',
    ])
    kernel.options.set('270 8', ENOPROTOOPT).set('1 8', -22)
    expect(failure(() => socket.listenAllNsid()).syscall).toBe('setsockopt(NETLINK_LISTEN_ALL_NSID)')
    expect(failure(() => socket.setReceiveBuffer(1)).syscall).toBe('setsockopt(SO_RCVBUF)')
  })
})
