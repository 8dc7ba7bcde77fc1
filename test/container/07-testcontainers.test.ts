// The example examples/labs/containers: containers of testcontainers as nodes of a lab. The library itself is fetched for
// this test alone, in a version for the oldest Node; its helper that removes what a killed test leaves is an image that
// may not be there, so it is left out.

import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect } from 'vitest'
import { PLAIN_IMAGE } from '../support/container.js'
import { Program } from '../support/program.js'
import { Project, ROOT } from '../support/project.js'
import { needs } from '../support/skip.js'

const NEEDED = [
  'root',
  'tun',
  'netns',
  'ip',
  'nsenter',
  'container engine',
  'images of scripts/docker-test',
] as const
const it = needs(...NEEDED, 'registry')
/** ms */
const PATIENCE = 300_000

it('two containers of testcontainers, and a cable between them that is cut', {
  timeout: PATIENCE,
}, async () => {
  const tools = mkdtempSync(`${tmpdir()}/uveth-testcontainers-`)
  try {
    const words = ['--prefix', tools, '--no-save', '--no-audit', '--prefer-offline', '--loglevel=error']
    await using install = new Program(['npm', 'install', ...words, 'testcontainers@11'], {})
    expect(await install.end(PATIENCE)).toMatchObject({ code: 0 })
    using project = new Project().fill(`${ROOT}examples/labs`)
    symlinkSync(`${tools}/node_modules/testcontainers`, `${project.folder}/node_modules/testcontainers`)
    const env = { NODE_IMAGE: PLAIN_IMAGE, TESTCONTAINERS_RYUK_DISABLED: 'true' }
    await using program = project.start(`'${process.execPath}' --test containers/*.test.mjs`, { env })
    const { code, stdout } = await program.end(PATIENCE)
    expect(code, stdout).toBe(0)
    expect(stdout).toMatch(/^# pass 1$/m)
    expect(stdout).toMatch(/^# skipped 0$/m)
  } finally {
    rmSync(tools, { recursive: true })
  }
})
