// A real browser for tests of the page: Debian's Chromium, headless, driven by playwright-core. A page of a test's own
// tells of everything that it should not do: an error, a refusal by the content security policy, a request that leaves
// the server that it came from.

import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { TestDaemon } from './daemon.js'
import { patient } from './pace.js'
import { type Program, uveth } from './program.js'

/** ms until what does not come counts as stuck. */
const PATIENCE = patient(60_000)

/** A daemon's page, with `uveth web` and a browser of its own: `await using web = await Web.start(daemon)`. */
export class Web implements AsyncDisposable {
  readonly #program: Program
  readonly browser: Browser
  /** With its token. */
  readonly address: string
  opened!: TestPage

  private constructor(program: Program, browser: Browser, address: string) {
    this.#program = program
    this.browser = browser
    this.address = address
  }

  static async start(daemon: TestDaemon): Promise<Web> {
    const browser = await openBrowser()
    const program = uveth(['web', '--socket', daemon.socket])
    const web = new Web(program, browser, await program.line(/^http/))
    web.opened = await TestPage.open(browser, web.address)
    return web
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close()
    await this.#program[Symbol.asyncDispose]()
  }
}

/** Root has no sandbox of Chromium's; the page is ours. */
async function openBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
    timeout: PATIENCE,
  })
}

export class TestPage implements AsyncDisposable {
  readonly page: Page
  /** What it should not have done. */
  readonly faults: string[] = []

  private constructor(page: Page) {
    this.page = page
  }

  static async open(
    browser: Browser,
    address: string,
    options: BrowserContextOptions = {},
  ): Promise<TestPage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    context.setDefaultTimeout(PATIENCE)
    const opened = new TestPage(await context.newPage())
    opened.#watch(new URL(address).origin)
    await opened.page.goto(address)
    return opened
  }

  #watch(origin: string): void {
    const { page, faults } = this
    page.on('pageerror', (error) => faults.push(`error: ${error.stack}`))
    page.on('console', (message) => {
      // A refusal is an answer, too: the browser says of each that it is none.
      if (!/^Failed to load resource/.test(message.text()))
        faults.push(`${message.type()}: ${message.text()}`)
    })
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(`${origin}/`) && !url.startsWith('data:')) faults.push(`request: ${url}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close()
  }
}
