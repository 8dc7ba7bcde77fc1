// Shell scripts for kernel veth (fixtures/selftests), run as they are over kernel veth and over the shim: every
// line that they print and their exit codes are the same.

import { readdirSync } from 'node:fs'
import { expect, test as plain } from 'vitest'
import { TestDaemon } from '../support/daemon.js'
import { Netns } from '../support/netns.js'
import { patient } from '../support/pace.js'
import type { Outcome } from '../support/program.js'
import { shell, shimOf } from '../support/shim.js'
import { needs } from '../support/skip.js'

const FOLDER = new URL('fixtures/selftests/', import.meta.url).pathname

const needed = ['root', 'tun', 'netns', 'ip', 'nsenter', 'ping', 'ipv6'] as const

/** What each script needs beside that. */
const SCRIPTS: Record<string, Parameters<typeof needs>> = {
  attributes: ['bridge'],
  batch: ['bridge'],
  bridge: ['bridge'],
  carrier: [],
  mtu: [],
  namespaces: [],
  'neighbour-evict': ['kernel 6.0', 'sysctl'],
  routes: ['sysctl'],
  'vlan-bridge': ['vlan'],
}

/** Process ids in names of namespaces differ, and the queue's default length, nothing else may. */
function comparable({ code, stdout, stderr }: Outcome) {
  const lines = stdout.replaceAll('qlen 8192', 'qlen 1000').split('\n')
  return { code, stdout: lines, stderr: stderr.replace(/st-\d+-/g, '') }
}

const hasVeth = needs('veth') === plain
const done = new Map<string, { shim: Promise<Outcome>; kernel: Promise<Outcome> | undefined }>()

/** Each is run once over either, at the same time: most of it they wait for echoes that must not come. */
function runs(script: string) {
  const known = done.get(script)
  if (known !== undefined) return known
  const both = { shim: overShim(script), kernel: hasVeth ? overKernel(script) : undefined }
  both.kernel?.catch(() => {}) // its own test says so
  done.set(script, both)
  return both
}

async function overShim(script: string): Promise<Outcome> {
  await using daemon = await TestDaemon.start()
  return await shimOf(daemon)(`exec sh ${FOLDER}${script}.sh`)
}

async function overKernel(script: string): Promise<Outcome> {
  using home = Netns.create('home')
  return await shell({ prefix: ['nsenter', `--net=${home.path}`] })(`exec sh ${FOLDER}${script}.sh`)
}

plain('every script is run', () => {
  const there = readdirSync(FOLDER).flatMap((name) => /^(?!lib)(.*)\.sh$/.exec(name)?.[1] ?? [])
  expect(there.sort()).toEqual(Object.keys(SCRIPTS).sort())
})

for (const [script, more] of Object.entries(SCRIPTS)) {
  needs(...needed, ...more)(
    `${script}: everything that it checks holds`,
    { timeout: patient(200_000) },
    async () => {
      const { code, stdout, stderr } = await runs(script).shim
      expect(stdout).not.toContain('FAIL')
      expect(stdout.split('\n').length).toBeGreaterThan(6)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    },
  )

  needs(...needed, ...more, 'veth')(
    `${script}: as over kernel veth`,
    { timeout: patient(200_000) },
    async () => {
      const { shim, kernel } = runs(script)
      const [ours, kernels] = [await shim, (await kernel) as Outcome]
      expect(kernels.stdout).not.toContain('FAIL')
      expect(comparable(ours)).toEqual(comparable(kernels))
    },
  )
}
