// A dossier goes through JSON and is the same; what is none is refused with a sentence, and so is a newer one.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Dossier, readDossier, writeDossier } from '../../../src/pair/dossier.js'
import { NO_COUNTS } from '../../../src/pair/stats.js'
import { anyDossier } from '../../support/any-dossier.js'

const through = (dossier: unknown): unknown => JSON.parse(JSON.stringify(dossier))

/** With the counts of rules as numbers: shared memories are never equal to one another. */
function plain(dossier: Dossier): object {
  const rules = (end: Dossier['a']) =>
    end.rules.map(({ plan, counts }) => ({ plan, counts: [...new Float64Array(counts)] }))
  return {
    ...dossier,
    a: { ...dossier.a, rules: rules(dossier.a) },
    b: { ...dossier.b, rules: rules(dossier.b) },
  }
}

test('written, through JSON and read it is the same', () => {
  fc.assert(
    fc.property(anyDossier, (dossier) => {
      expect(plain(readDossier(through(writeDossier(dossier))))).toEqual(plain(dossier))
    }),
  )
})

const EMPTY = {
  version: 1,
  id: 'cable',
  wishes: { from: null, sent: { id: 'cable' }, since: {} },
  carrier: 'auto',
  a: { impair: null, rules: [], counts: {} },
  b: { impair: null, rules: [], counts: {} },
  captures: [],
  progress: [],
}
const held = { frame: 'AAAA', wait: 1, least: 1, number: 0, queue: 0, delay: 1 }
const progress = { origin: 0, number: 0, held: [held] }
const impaired = (impairment: object) => ({ ...EMPTY, progress: [progress, { ...progress, impairment }] })
const former = {
  address: '02:00:00:00:00:01',
  mtu: 1500,
  txQueueLength: 1,
  up: true,
  ifindex: 2,
  alias: '',
  altnames: [],
  addresses: [],
}
const rule = { id: 1, action: { kind: 'drop' }, match: {}, matched: 0, hits: 0 }

test('one of a pair that nothing was done to', () => {
  expect(readDossier(EMPTY)).toMatchObject({ id: 'cable', a: { counts: NO_COUNTS } })
  const full = { ...EMPTY, a: { ...EMPTY.a, rules: [rule] }, progress: [progress, progress] }
  expect(readDossier(full).progress[0]?.held[0]?.frame).toEqual(new Uint8Array(3))
  // As it was written before routes were kept.
  const before = { ...EMPTY, b: { ...EMPTY.b, former } }
  expect(readDossier(before).b.former).toEqual({ ...former, routes: [] })
})

describe('what is none is refused with a sentence', () => {
  test.each<[unknown, RegExp]>([
    [null, /^EBADMSG: a dossier must be an object, not null$/],
    [[], /a dossier must be an object, not an empty array$/],
    ['text', /must be an object/],
    [{ ...EMPTY, version: 2 }, /^EBADMSG: its version is 2, and 1 is the newest that is understood here$/],
    [{ ...EMPTY, version: '1' }, /its version is "1"/],
    [{ ...EMPTY, id: 7 }, /^EBADMSG: id must be a text, not 7$/],
    [{ ...EMPTY, wishes: undefined }, /wishes is missing/],
    [{ ...EMPTY, wishes: { ...EMPTY.wishes, from: 1 } }, /wishes.from must be a text/],
    [{ ...EMPTY, wishes: { ...EMPTY.wishes, since: [] } }, /wishes.since must be an object/],
    [{ ...EMPTY, carrier: 'maybe' }, /carrier must be one of on, off, auto, not "maybe"/],
    [{ ...EMPTY, a: null }, /a must be an object, not null/],
    [{ ...EMPTY, b: { ...EMPTY.b, impair: { delay: 'soon' } } }, /^EBADMSG: .*b.impair.delay/],
    [{ ...EMPTY, a: { ...EMPTY.a, rules: {} } }, /a.rules must be an array/],
    [
      { ...EMPTY, a: { ...EMPTY.a, rules: [{ ...rule, id: -1 }] } },
      /a.rules.0.id must be a whole number from 0 to \d+, not -1/,
    ],
    [{ ...EMPTY, a: { ...EMPTY.a, rules: [{ ...rule, action: {} }] } }, /^EBADMSG: a.rules.0.action/],
    [{ ...EMPTY, a: { ...EMPTY.a, rules: [{ ...rule, match: { x: 1 } }] } }, /^EBADMSG: .*a.rules.0.match/],
    [
      { ...EMPTY, a: { ...EMPTY.a, counts: { received: 'many' } } },
      /a.counts.received must be a whole number/,
    ],
    [{ ...EMPTY, a: { ...EMPTY.a, counts: { drops: null } } }, /a.counts.drops must be an object, not null/],
    [{ ...EMPTY, a: { ...EMPTY.a, counts: { eaten: 1 } } }, /unknown attribute a.counts.eaten/],
    [{ ...EMPTY, a: { ...EMPTY.a, former: {} } }, /a.former.address is missing/],
    [{ ...EMPTY, a: { ...EMPTY.a, former: { ...former, mtu: -1 } } }, /a.former.mtu must be a whole number/],
    [
      { ...EMPTY, a: { ...EMPTY.a, former: { ...former, addresses: [{ address: '10.0.0.1/33' }] } } },
      /a.former.addresses.0.address must be an IP address with prefix length, not "10.0.0.1\/33"/,
    ],
    [
      { ...EMPTY, a: { ...EMPTY.a, former: { ...former, routes: ['?'] } } },
      /a.former.routes.0 must be base64, not "\?"/,
    ],
    [{ ...EMPTY, captures: [{}] }, /captures.0.id is missing/],
    [{ ...EMPTY, progress: [progress] }, /progress is of both directions, or of none/],
    [{ ...EMPTY, progress: [progress, { ...progress, origin: null }] }, /progress.1.origin must be a number/],
    [impaired({ loss: null }), /impairment.loss must be an object/],
    [impaired({ rate: true }), /impairment.rate must be a number/],
    [impaired({ rate: { began: 1 } }), /impairment.rate.next is missing/],
    [
      { ...EMPTY, progress: [{ ...progress, held: [{ ...held, frame: '?' }] }, progress] },
      /progress.0.held.0.frame must be base64, not "\?"/,
    ],
  ])('%j', (value, sentence) => {
    expect(() => readDossier(value)).toThrow(sentence)
  })

  test('any field that is taken away, or is null', () => {
    for (const key of Object.keys(EMPTY)) {
      expect(() => readDossier({ ...EMPTY, [key]: null })).toThrow(/^EBADMSG: /)
      if (key !== 'version') expect(() => readDossier({ ...EMPTY, [key]: undefined })).toThrow(/^EBADMSG: /)
    }
  })
})

describe('one of before there were dossiers', () => {
  const wish = { quiet: true, a: { name: 'x0', impair: { loss: 1 } }, b: { name: 'x1', impair: { loss: 2 } } }
  const old = {
    id: 'cable',
    from: 'blue',
    wish,
    since: {
      a: { name: 'x9', impair: { loss: { random: 3 }, limit: 9, seed: 5 } },
      b: { impair: null },
      carrier: 'off',
    },
    rules: { b: [{ action: { kind: 'drop' }, match: { arp: {} } }] },
  }

  test('is understood: impairments as they were last, rules, carrier', () => {
    const dossier = readDossier(old)
    expect(dossier).toMatchObject({
      version: 1,
      id: 'cable',
      wishes: { from: 'blue', sent: wish, since: { a: { name: 'x9' }, b: { name: 'x1' } } },
      carrier: 'off',
      a: { impair: { loss: { random: 3 }, limit: 9, seed: 5 }, rules: [], counts: NO_COUNTS },
      b: {
        impair: null,
        rules: [{ plan: { id: 1, action: { kind: 'drop' }, match: { normal: { arp: {} } } } }],
      },
    })
    expect(readDossier(through(writeDossier(dossier)))).toMatchObject({
      carrier: 'off',
      wishes: { sent: wish },
    })
  })

  test.each([
    [{ ...old, id: undefined }, /id is missing/],
    [{ ...old, wish: null }, /wish must be an object/],
    [{ ...old, since: undefined }, /since is missing/],
    [{ ...old, since: { a: { impair: { loss: 'lots' } } } }, /^EBADMSG: .*a.impair/],
    [{ ...old, rules: { a: [{}] } }, /^EBADMSG: a.rules.0.action/],
  ])('or refused: %j', (value, sentence) => {
    expect(() => readDossier(value)).toThrow(sentence)
  })
})
