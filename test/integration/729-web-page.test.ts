// The page of `uveth web` in a real browser: each control does what it says on a real pair, a refusal is a sentence at its
// field, everything goes by keyboard, and nothing comes from elsewhere. The server alone is 728, what
// crosses a pair 730.

import { once } from 'node:events'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest'
import { TestPage, Web } from '../support/browser.js'
import { commandOf } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { replace } from '../support/replace.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'chromium')

let daemon: TestDaemon
let web: Web
let page: Page

beforeAll(async () => {
  daemon = await TestDaemon.start()
  web = await Web.start(daemon)
  page = web.opened.page
})
afterAll(async () => {
  await web?.[Symbol.asyncDispose]()
  await daemon?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await daemon.ask('DELETE', '/v1/pairs/id:cable')
  await daemon.lay()
  await page.reload()
  await page.getByRole('heading', { name: 'x0 ⇄ x1' }).waitFor()
})
afterEach(() => expect(web.opened.faults).toEqual([]))

async function impairOf(name: string) {
  return (await daemon.ask('GET', `/v1/ends/${name}/impair`)).json
}

async function carrier() {
  const { json } = await daemon.ask('GET', '/v1/pairs/id:cable')
  return [json.carrier, json.carrierMode]
}

/** Until it has arrived where it was ordered. */
async function impaired(name: string, fits: object | null): Promise<void> {
  await until('the order to be in force', async () => {
    const now = await impairOf(name)
    return fits === null
      ? now === null
      : now !== null && JSON.stringify({ ...now, ...fits }) === JSON.stringify(now)
  })
}

const field = (name: string) => page.getByRole('textbox', { name, exact: true })
const slider = (name: string) => page.getByRole('slider', { name: `${name}, slider` })
/** What stands at a field. */
const complaint = async (name: string) => {
  const id = await field(name).getAttribute('aria-describedby')
  return page.locator(`#${id}`)
}

describe('the token', () => {
  test('does not stay in the address; a reload keeps it, another tab does not have it', async () => {
    expect(page.url()).toBe(`${new URL(web.address).origin}/`)
    await using stranger = await TestPage.open(web.browser, new URL(web.address).origin)
    await stranger.page
      .getByText('the token is missing or wrong: open the address that uveth web has printed')
      .waitFor()
    expect(await stranger.page.getByText('No pairs yet').count()).toBe(0)
    expect(stranger.faults).toEqual([])
  })
})

describe('impairments', () => {
  test('what is not allowed is a sentence at its field, and in force stays what was', async () => {
    for (const [name, text, sentence] of [
      ['delay', 'soon', /^delay must be a time .* not "soon"$/],
      ['loss', '101', /^loss must be .* not "101%"$/],
      ['rate', 'fast', /^rate must be a rate/],
      ['words', 'dilay 3ms', /what is "dilay"/],
    ] as const) {
      await field(name).fill(text)
      await field(name).press('Enter')
      await (await complaint(name)).filter({ hasText: sentence }).waitFor()
      expect(await field(name).getAttribute('aria-invalid')).toBe('true')
    }
    expect(await impairOf('x0')).toBeNull()
    await field('delay').fill('3')
    await field('delay').press('Enter')
    await impaired('x0', { delay: { time: 3 } })
    await until('the sentence to go', async () => (await (await complaint('delay')).textContent()) === '')
  })

  test('a slider moves in steps, at once', async () => {
    await slider('delay').press('ArrowRight')
    await impaired('x0', { delay: { time: 1 } })
    await slider('delay').press('End')
    await impaired('x0', { delay: { time: 2000 } })
    expect(await field('delay').inputValue()).toBe('2000ms')
    expect(await slider('delay').getAttribute('aria-valuetext')).toBe('2000ms')
    await slider('delay').press('Home')
    await until('nothing to be delayed', async () => (await impairOf('x0'))?.delay === undefined)
  })

  test('each field is of its own impairment, and of its own end', async () => {
    await page.getByText('x1 sends').click()
    const texts = {
      delay: '20ms',
      jitter: '4',
      loss: '1.5',
      rate: '5mbit',
      duplicate: '2%',
      corrupt: '3',
      reorder: '25',
    }
    for (const [name, text] of Object.entries(texts)) {
      await field(name).fill(text)
      await field(name).press('Enter')
      await until(name, async () =>
        JSON.stringify(await impairOf('x1'))?.includes(name === 'jitter' ? 'jitter' : `"${name}"`),
      )
    }
    expect(await impairOf('x1')).toMatchObject({
      delay: { time: 20, jitter: 4 },
      loss: { random: 1.5 },
      rate: { rate: 5e6 },
      duplicate: { probability: 2 },
      corrupt: { probability: 3 },
      reorder: { probability: 25 },
    })
    expect(await impairOf('x0')).toBeNull()
    await page.getByRole('button', { name: 'Clear' }).click()
    await impaired('x1', null)
    await until('the fields to be empty', async () => (await field('loss').inputValue()) === '')
  })

  test('an order and its end between two looks leave nothing in a field', async () => {
    const [held, release] = [[] as string[], new AbortController()]
    await page.route('**/v1/pairs', async (route) => {
      held.push(route.request().url())
      if (!release.signal.aborted) await once(release.signal, 'abort')
      await route.continue()
    })
    await until('a look to be held', () => held.length > 0)
    await field('loss').fill('1.5')
    await field('loss').press('Enter')
    await impaired('x0', { loss: { random: 1.5 } })
    await page.getByRole('button', { name: 'Clear' }).click()
    await impaired('x0', null)
    release.abort()
    await until('the field to be empty', async () => (await field('loss').inputValue()) === '')
    await page.unroute('**/v1/pairs')
  })

  test("netem's words whole, and what others order is shown", async () => {
    await field('words').fill('loss gemodel 1% 10% seed 5')
    await page.getByRole('button', { name: 'Apply' }).click()
    await impaired('x0', { seed: 5 })
    expect(await impairOf('x0')).toMatchObject({ loss: { gemodel: { p: 1, r: 10 } } })
    await daemon.ask('PUT', '/v1/ends/x0/impair', { delay: '7ms', seed: 1 })
    await field('words').blur()
    await until('the page to hear', async () => (await field('delay').inputValue()) === '7ms')
    await until('its words', async () => (await field('words').inputValue()) === 'delay 7ms seed 1')
  })
})

describe('the cable', () => {
  test('carrier: off, on, and by the rule', async () => {
    const shows = (flag: boolean) =>
      until('the kernel to show it', () => daemon.home.link('x0').flags.includes('NO-CARRIER') === flag)
    await page.getByText('off', { exact: true }).click()
    await until('carrier to go', async () => JSON.stringify(await carrier()) === '[false,"off"]')
    await shows(true)
    await page.getByText('no carrier', { exact: true }).waitFor()
    await page.locator('.cable[data-state="off"]').waitFor()
    await page.getByText('auto', { exact: true }).click()
    await until('carrier to come', async () => JSON.stringify(await carrier()) === '[true,"auto"]')
    await shows(false)
    await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'on' })
    await until('what others set', () => page.getByRole('radio', { name: 'on', exact: true }).isChecked())
  })
})

describe('what happens', () => {
  test('a filter that no pair fits says so', async () => {
    await page.getByRole('searchbox').fill('nothing is called so')
    await page.getByText('No pair has what the filter asks for').waitFor()
    await page.getByRole('searchbox').fill('')
  })

  test('names are text, whatever stands in them', async () => {
    const wish = { id: '<svg><u>id<', a: { name: '<u>x<b>' }, b: { name: '&lt;' } }
    expect((await daemon.ask('POST', '/v1/pairs', wish)).status).toBe(201)
    await page.getByRole('log').getByText('<u>x<b> ⇄ &lt;').waitFor()
    await page.getByRole('button', { name: '<u>x<b> @ home ⇄ &lt; @ home' }).click()
    await page.getByRole('heading', { name: '<u>x<b> ⇄ &lt;' }).waitFor()
    expect(await page.locator('u, main b b, svg svg').count()).toBe(0)
    expect((await daemon.ask('DELETE', `/v1/pairs/${encodeURIComponent('id:<svg><u>id<')}`)).status).toBe(204)
  })

  test('the chosen pair goes: it says so, and takes no more orders', async () => {
    await daemon.ask('DELETE', '/v1/pairs/id:cable')
    await page.getByText('is gone', { exact: true }).waitFor()
    expect(await field('delay').isDisabled()).toBe(true)
    await page.getByText('No pairs yet').waitFor()
    await page.getByRole('log').getByText('removed').first().waitFor()
    await daemon.lay()
    await until('it to be back', () => field('delay').isEnabled())
  })

  test('the daemon is replaced: orders go on, and its process is told', async () => {
    const pid = await replace(daemon)
    await page
      .locator('#daemon')
      .filter({ hasText: `process ${pid}` })
      .waitFor()
    await field('delay').fill('9ms')
    await field('delay').press('Enter')
    await impaired('x0', { delay: { time: 9 } })
    expect((await commandOf(daemon)('daemon', '--stop')).code).toBe(0)
    daemon.deafen()
    await daemon.restart()
  })

  test('the daemon goes, and comes back', async () => {
    await daemon.stop()
    await page.getByRole('alert').getByText('no daemon answers').waitFor()
    await daemon.restart()
    await daemon.lay()
    await page.locator('.cable').waitFor()
    await page.locator('#banner').waitFor({ state: 'hidden' })
    await until('events to be heard again', async () => {
      await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'off' })
      await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'auto' })
      return (await page.getByRole('log').getByText('carrier').count()) > 0
    })
  })
})

describe('how it is used', () => {
  test('by keyboard alone', async () => {
    await daemon.ask('POST', '/v1/pairs', { id: 'other', a: { name: 'y0' }, b: { name: 'y1' } })
    await page.locator('.cable').nth(1).waitFor()
    await page.getByRole('searchbox').fill('y1')
    await until('the other one alone', async () => (await page.locator('.cable').count()) === 1)
    await page.getByRole('searchbox').fill('')
    await page.locator('.cable').nth(1).waitFor()
    await page.locator('.cable[tabindex="0"]').focus()
    await page.keyboard.press('ArrowDown')
    await page.getByRole('heading', { name: 'y0 ⇄ y1' }).waitFor()
    const reached = new Set<string>()
    for (let at = 0; at < 40; at++) {
      await page.keyboard.press('Tab')
      const name = await page.evaluate(
        'document.activeElement.id || document.activeElement.name || document.activeElement.textContent',
      )
      reached.add(String(name).trim())
    }
    for (const name of [
      'filter',
      'carrier',
      'side',
      'knob-delay',
      'knob-reorder',
      'words',
      'Apply',
      'Clear',
      'capture',
    ])
      expect([...reached]).toContain(name)
    await page.getByRole('radio', { name: 'auto' }).focus()
    await page.keyboard.press('ArrowRight')
    await until(
      'carrier to be forced',
      async () => (await daemon.ask('GET', '/v1/pairs/id:other')).json.carrierMode === 'on',
    )
    await daemon.ask('DELETE', '/v1/pairs/id:other')
  })

  test('every control has a name', async () => {
    const nameless =
      await page.evaluate(`[...document.querySelectorAll('input, button, select, canvas, [role]')]
      .filter((one) => !(one.labels?.length || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim() || ['alert', 'status'].includes(one.role)))
      .map((one) => one.outerHTML)`)
    expect(nameless).toEqual([])
  })

  test('light, dark, and without motion', async () => {
    const ground = (of: Page) => of.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    await using dark = await TestPage.open(web.browser, web.address, {
      colorScheme: 'dark',
      reducedMotion: 'reduce',
    })
    await dark.page.locator('.cable').waitFor()
    expect([await ground(page), await ground(dark.page)]).toEqual(['rgb(245, 245, 242)', 'rgb(19, 21, 25)'])
    const moving = (of: Page) =>
      of.evaluate(`getComputedStyle(document.querySelector('.flow.a')).animationName`)
    expect([await moving(page), await moving(dark.page)]).toEqual(['there', 'none'])
    expect(dark.faults).toEqual([])
  })
})
