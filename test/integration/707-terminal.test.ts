// What differs on a terminal: colours, tables and a progress bar. A pseudo-terminal of util-linux's `script`
// stands for one; everywhere else in these tests output goes to pipes.

import { writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import { commandOf } from '../support/cli.js'
import { COMMAND, TestDaemon } from '../support/daemon.js'
import { Program } from '../support/program.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter', 'script')

/** What `uveth WORDS` writes to a terminal, stdout and stderr as one. */
async function onTerminal(
  daemon: TestDaemon,
  words: string,
  env: Record<string, string> = {},
): Promise<string> {
  await using program = new Program(
    ['script', '-qec', `'${process.execPath}' '${COMMAND}' ${words}`, '/dev/null'],
    {
      netns: daemon.home.name,
      env: { UVETH_SOCKET: daemon.socket, TERM: 'xterm', NO_COLOR: '', ...env },
    },
  )
  const { code, stdout } = await program.end()
  expect(code).toBe(0)
  return stdout
}

const ESCAPE = '\u001b['

test('colours: on a terminal, unless NO_COLOR or --color=never; elsewhere with --color', async () => {
  await using daemon = await TestDaemon.start()
  const uveth = commandOf(daemon, { env: { NO_COLOR: '' } })
  await uveth('add', 'veth0', 'veth1')
  expect(await onTerminal(daemon, 'link')).toContain(`${ESCAPE}36mveth0@veth1${ESCAPE}39m`)
  expect(await onTerminal(daemon, '-br link')).toContain(`${ESCAPE}31mDOWN${ESCAPE}39m`)
  for (const plain of [
    await onTerminal(daemon, 'link', { NO_COLOR: '1' }),
    await onTerminal(daemon, '--color=never link'),
    await onTerminal(daemon, '-j link'),
    (await uveth('link')).stdout,
  ]) {
    expect(plain).toContain('veth0')
    expect(plain).not.toContain(ESCAPE)
  }
  expect((await uveth('-c', 'link')).stdout).toContain(`${ESCAPE}36mveth0@veth1`)
})

test('stats is a table', async () => {
  await using daemon = await TestDaemon.start()
  await commandOf(daemon)('add', 'veth0', 'veth1')
  const lines = (await onTerminal(daemon, 'stats')).trimEnd().split('\r\n')
  expect(lines).toHaveLength(3)
  expect(lines[0]).toBe('end    rx_packets  rx_bytes  rx_dropped  tx_packets  tx_bytes  tx_dropped  drops')
  expect(
    new Set(lines.map((line) => line.trimEnd().length - (line.endsWith('-') ? 1 : 5)).values()).size,
  ).toBe(1)
})

test('many orders have a progress bar, which is gone at the end', async () => {
  await using daemon = await TestDaemon.start()
  const file = daemon.folder.file('orders')
  await commandOf(daemon)('add', 'veth0', 'veth1')
  writeFileSync(file, 'link set veth0 carrier auto\n'.repeat(200))
  const written = await onTerminal(daemon, `-batch ${file}`)
  expect(written).toMatch(/^\r\[#* *\] \d+\/200/)
  expect(written.endsWith(`\r${ESCAPE}K`)).toBe(true)
  writeFileSync(file, 'link set veth0 carrier auto\n'.repeat(50))
  expect(await onTerminal(daemon, `-batch ${file}`)).toBe('')
})
