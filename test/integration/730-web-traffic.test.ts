// What crosses a pair, on the page of `uveth web` in a real browser: counted, drawn, and recorded by the browser's own
// download, which has each frame.

import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { Web } from '../support/browser.js'
import { TestDaemon } from '../support/daemon.js'
import { numbered } from '../support/frames.js'
import { Netns, until } from '../support/netns.js'
import { packetsOf } from '../support/pcapng.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'chromium')
const FRAME = numbered(1, 1, 100)

let daemon: TestDaemon
let web: Web
let page: Page

beforeAll(async () => {
  daemon = await TestDaemon.start()
  await daemon.lay()
  web = await Web.start(daemon)
  page = web.opened.page
})
afterAll(async () => {
  await web?.[Symbol.asyncDispose]()
  await daemon?.[Symbol.asyncDispose]()
})
afterEach(() => expect(web.opened.faults).toEqual([]))

test('it is counted and drawn', async () => {
  await until('a rate', async () => {
    for (let sent = 0; sent < 50; sent++) daemon.near.send(FRAME)
    const rate = await page.locator('.counters .side-a td').nth(0).textContent()
    return (
      Number.parseFloat(rate ?? '0') > 0 &&
      (await page.locator('.flow.a:not([data-speed="0"])').count()) === 1
    )
  })
  expect(await page.locator('canvas').getAttribute('aria-label')).toMatch(
    /The last three minutes\. Now x0 sends .*bit\/s/,
  )
  const coloured = await page.locator('canvas').evaluate((canvas) => {
    const { width, height } = canvas as unknown as { width: number; height: number }
    // biome-ignore lint/suspicious/noExplicitAny: of the browser
    const { data } = (canvas as any).getContext('2d').getImageData(0, 0, width, height)
    return data.some((value: number) => value > 0)
  })
  expect(coloured).toBe(true)
})

test('a capture is downloaded while it runs, and complete when it is stopped', async () => {
  const coming = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Start capture' }).click()
  const download = await coming
  expect(download.suggestedFilename()).toBe('cable.pcapng')
  daemon.near.send(FRAME)
  await daemon.far.receive()
  await page.getByRole('button', { name: 'Stop capture' }).click()
  await page.getByText('the file is complete').waitFor()
  const frames = packetsOf(readFileSync(await download.path())).map(({ frame }) => frame.equals(FRAME))
  expect(frames).toContain(true)
})

test('what is recorded, where both ends have one name; when the pair goes there is nothing to stop', async () => {
  using left = Netns.create('left')
  const wish = { id: 'twins', a: { name: 'eth0', netns: left.name }, b: { name: 'eth0' } }
  await daemon.ask('POST', '/v1/pairs', wish)
  await page.getByRole('button', { name: `eth0 @ ${left.name} ⇄ eth0 @ home` }).click()
  const choice = page.getByRole('combobox', { name: 'record' })
  expect(await choice.getByRole('option').allTextContents()).toEqual([
    'each frame once',
    'at both ends',
    `at eth0 @ ${left.name} only`,
    'at eth0 @ home only',
  ])
  await page.getByRole('button', { name: 'Start capture' }).click()
  await page.getByText('recording since').waitFor()
  await daemon.ask('DELETE', '/v1/pairs/id:twins')
  await page.getByText('the pair is gone, the file is complete').waitFor()
  await page.getByRole('button', { name: 'Start capture' }).waitFor()
})
