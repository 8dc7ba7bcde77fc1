// The example project examples/jest: the test kit by `require`, in Jest as it is by default. Jest is fetched for this test
// alone; the ordinary user whom it runs as shows the sandbox with it.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect } from 'vitest'
import { COMMAND } from '../support/daemon.js'
import { ordinary } from '../support/ordinary.js'
import { patient } from '../support/pace.js'
import { Program } from '../support/program.js'
import { Project, ROOT } from '../support/project.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'unshare', 'setpriv', 'registry')
/** ms */
const PATIENCE = patient(300_000)

let tools: string

beforeAll(() => {
  tools = mkdtempSync(`${tmpdir()}/uveth-918-`)
})
afterAll(() => rmSync(tools, { recursive: true }))

test.each(['29', '30'])('Jest %s: its default project passes', { timeout: PATIENCE }, async (line) => {
  const folder = `${tools}/${line}`
  const words = [
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--prefer-offline',
    '--loglevel=error',
    `jest@${line}`,
  ]
  await using install = new Program(['npm', ...words], {})
  expect(await install.end(PATIENCE)).toMatchObject({ code: 0 })
  using project = new Project().fill(`${ROOT}examples/jest`)
  for (const place of [tools, project.folder]) chmodSync(place, 0o755)
  const jest = [process.execPath, `${folder}/node_modules/jest/bin/jest.js`, '--rootDir', project.folder]
  const env = { NO_COLOR: '1', CI: 'true', UVETH_SEED: '' }
  await using program = new Program(
    [process.execPath, COMMAND, 'sandbox', ...jest, '--cacheDirectory', '/run/jest'],
    {
      prefix: ordinary(),
      env,
    },
  )
  const { code, stderr } = await program.end(PATIENCE)
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/Tests: +1 passed, 1 total/)
})

test('Node’s own require: the same module as import has', async () => {
  using project = new Project()
  const script = `const { withPair } = require('uveth/testing'); import('uveth/testing').then((m) => console.log(m.withPair === withPair))`
  await using program = project.start(`'${process.execPath}' -e "${script}"`)
  expect(await program.end()).toMatchObject({ code: 0, stdout: 'true\n' })
})
