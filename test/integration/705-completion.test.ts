// `uveth completion`: the scripts, loaded in real shells. bash's is driven as readline drives it, fish's by
// its own `complete -C`, zsh's by the function that finds the candidates.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { commandFolder, commandOf, expectRefusal } from '../support/cli.js'
import { TestDaemon } from '../support/daemon.js'
import { uvethOnce } from '../support/program.js'
import { needs } from '../support/skip.js'

const needed = ['root', 'tun', 'netns', 'ip', 'nsenter'] as const

/** A daemon with the pair tab0, tab1, and a function that runs a script in a shell with `uveth` on its PATH. */
async function setting() {
  const daemon = await TestDaemon.start()
  await commandOf(daemon)('add', 'tab0', 'tab1')
  const folder = commandFolder(daemon.folder)
  const shell = (name: string, script: string, ...args: string[]) => {
    const file = daemon.folder.file(`script.${name}`)
    writeFileSync(file, script)
    return execFileSync(name, [file, ...args], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, UVETH_SOCKET: daemon.socket },
    })
      .split('\n')
      .filter((line) => line !== '')
  }
  return { daemon, shell, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() }
}

needs()('a shell is named, and one that is known', async () => {
  for (const words of [[], ['tcsh'], ['bash', 'zsh'], ['toString']]) {
    expectRefusal(await uvethOnce(['completion', ...words]), 1, /completion bash\|zsh\|fish/)
  }
})

describe('bash', () => {
  const BASH = `source <(uveth completion bash)
complete -p uveth
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _uveth
printf '%s\\n' "\${COMPREPLY[@]}"`

  needs(...needed, 'bash')('completes verbs, keywords, names of interfaces and namespaces', async () => {
    await using all = await setting()
    const { daemon, shell } = all
    const complete = (...words: string[]) => {
      const [loaded, ...found] = shell('bash', BASH, ...words)
      expect(loaded).toBe('complete -F _uveth uveth')
      return found
    }
    expect(complete('uveth', 'l')).toEqual(['link'])
    expect(complete('uveth', '-st')).toEqual(['-stats'])
    expect(complete('uveth', 'link', '')).toEqual(['add', 'del', 'set', 'show', 'help'])
    expect(complete('uveth', 'link', 'del', 't')).toEqual(['tab0', 'tab1'])
    expect(complete('uveth', 'link', 'show', 'dev', '')).toEqual(['tab0', 'tab1'])
    expect(complete('uveth', 'stats', 'tab1')).toEqual(['tab1'])
    expect(complete('uveth', 'link', 'set', 'tab0', 'carrier', 'o')).toEqual(['on', 'off'])
    expect(complete('uveth', 'link', 'set', 'tab0', 'im')).toEqual(['impair'])
    expect(complete('uveth', 'link', 'set', 'tab0', 'impair', 'no')).toEqual(['none'])
    expect(complete('uveth', 'link', 'set', 'tab0', 'impair', 'delay', '1ms', 'lo')).toEqual(['loss'])
    expect(complete('uveth', 'link', 'set', 'tab0', 'rule', '')).toEqual([
      'add',
      'replace',
      'show',
      'del',
      'flush',
    ])
    expect(complete('uveth', 'link', 'set', 'tab0', 'rule', 'add', 'drop', 'ud')).toEqual(['udp'])
    expect(complete('uveth', 'capture', 'tab')).toEqual(['tab0', 'tab1'])
    expect(complete('uveth', 'capture', 'tab0', '-w', '/etc/hostn')).toEqual(['/etc/hostname'])
    expect(complete('uveth', 'link', 'add', 'x0', 'ty')).toEqual(['type'])
    expect(complete('uveth', 'link', 'add', 'x0', 'type', '')).toEqual(['veth'])
    expect(complete('uveth', 'link', 'add', 'x0', 'mtu', '')).toEqual([])
    expect(complete('uveth', 'link', 'add', 'x0', 'netns', daemon.home.name)).toEqual([daemon.home.name])
    expect(complete('uveth', '-n', daemon.home.name.slice(0, -2))).toEqual([daemon.home.name])
    // Options in front, and their values, do not stand in the way.
    expect(complete('uveth', '-j', '-n', daemon.home.name, 'link', 's')).toEqual(['set', 'show'])
    expect(complete('uveth', '-batch', '/etc/hostn')).toEqual(['/etc/hostname'])
    expect(complete('uveth', 'completion', '')).toEqual(['bash', 'zsh', 'fish'])
    // Words and files in one place.
    expect(complete('uveth', 'link', 'set', 'tab0', 'schedule', 'o')).toEqual(['off'])
    expect(complete('uveth', 'link', 'set', 'tab0', 'schedule', '/etc/hostn')).toEqual(['/etc/hostname'])
    expect(complete('uveth', 'link', 'set', 'tab0', 'schedule', '__')).toEqual([])
    expect(complete('uveth', 'apply', '--dry')).toEqual(['--dry-run'])
    expect(complete('uveth', 'apply', '/etc/hostn')).toEqual(['/etc/hostname'])
  })

  needs('bash')('says nothing where no daemon runs', () => {
    const script = `${BASH.replace('uveth completion bash', `'${process.execPath}' dist/cli/main.js completion bash`)}`
    const found = execFileSync('bash', ['-c', script, 'bash', 'uveth', 'link', 'del', ''], {
      encoding: 'utf8',
      env: { ...process.env, UVETH_SOCKET: '/nowhere/at/all' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    expect(found.trim().split('\n')).toEqual(['complete -F _uveth uveth'])
  })
})

describe('zsh', () => {
  needs(...needed, 'zsh')('loads by the completion system, and finds the same', async () => {
    await using all = await setting()
    const { shell } = all
    const found = (...words: string[]) =>
      shell(
        'zsh',
        `autoload -Uz compinit; compinit -D -u
source <(uveth completion zsh)
echo "$_comps[uveth]"
_uveth_candidates "$@"`,
        ...words,
      )
    expect(found('uveth', 'link')).toEqual(['_uveth', 'add', 'del', 'set', 'show', 'help'])
    expect(found('uveth', 'link', 'del')).toEqual(['_uveth', 'tab0', 'tab1'])
    expect(found('uveth', 'link', 'set', 'tab0', 'carrier')).toEqual(['_uveth', 'on', 'off', 'auto'])
    expect(found('uveth', 'link', 'set', 'tab0', 'rule', 'add')).toContain('icmp')
  })

  needs('zsh')('is a correct script', async () => {
    const { stdout } = await uvethOnce(['completion', 'zsh'])
    expect(stdout).toMatch(/^#compdef uveth\n/)
    execFileSync('zsh', ['-n'], { input: stdout })
  })
})

describe('fish', () => {
  needs(...needed, 'fish')('completes the same', async () => {
    await using all = await setting()
    const { daemon, shell } = all
    const complete = (line: string) =>
      shell('fish', `uveth completion fish | source\ncomplete -C ${JSON.stringify(line)}`).sort()
    expect(complete('uveth l')).toEqual(['link'])
    expect(complete('uveth link d')).toEqual(['del'])
    expect(complete('uveth link del t')).toEqual(['tab0', 'tab1'])
    expect(complete('uveth link set tab0 carrier ')).toEqual(['auto', 'off', 'on'])
    expect(complete('uveth link set tab0 rule add drop ud')).toEqual(['udp'])
    expect(complete(`uveth -n ${daemon.home.name.slice(0, -2)}`)).toEqual([daemon.home.name])
  })
})
