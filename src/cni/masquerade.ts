// `ipMasq`: what a container sends beyond its own network carries the host's address. One chain of iptables, or one table
// of nftables, for each attachment, named after it, so that it can be taken away without knowing what is in it. Called
// by plugin.ts.

import { spawnSync } from 'node:child_process'
import { formatPrefix, parseCidr, parsePrefix } from '../frame/address.js'
import { CODE, Refusal } from './refusal.js'

const MULTICAST = { 4: '224.0.0.0/4', 16: 'ff00::/8' } as const

/** `cidrs` are the container's addresses. `backend` as the configuration names it: '' for what is there. */
export function masquerade(id: string, cidrs: readonly string[], backend: string): void {
  if (!['', 'iptables', 'nftables'].includes(backend))
    throw new Refusal(CODE.configuration, `ipMasqBackend: "${backend}" is neither iptables nor nftables`)
  const withIptables = backend === 'iptables' || (backend === '' && has('iptables'))
  for (const cidr of cidrs) {
    const width = parseCidr(cidr)?.address.length === 16 ? 16 : 4
    if (withIptables) byIptables(id, cidr, width)
    else byNftables(id, cidr, width)
  }
}

function byIptables(id: string, cidr: string, width: 4 | 16): void {
  const iptables = (...words: string[]) => run(programOf(width), ['-w', '-t', 'nat', ...words])
  const [chain, comment] = [chainOf(id), ['-m', 'comment', '--comment', id]]
  if (!succeeds(programOf(width), ['-w', '-t', 'nat', '-n', '-L', chain])) iptables('-N', chain)
  iptables('-A', chain, '-d', networkOf(cidr), '-j', 'ACCEPT', ...comment)
  iptables('-A', chain, '!', '-d', MULTICAST[width], '-j', 'MASQUERADE', ...comment)
  iptables('-A', 'POSTROUTING', '-s', cidr.replace(/\/.*/, ''), '-j', chain, ...comment)
}

function byNftables(id: string, cidr: string, width: 4 | 16): void {
  const family = width === 4 ? 'ip' : 'ip6'
  const from = cidr.replace(/\/.*/, '')
  run(
    'nft',
    ['-f', '-'],
    [
      `table ${family} ${id} {`,
      '  chain postrouting {',
      '    type nat hook postrouting priority srcnat;',
      `    ${family} saddr ${from} ${family} daddr != { ${networkOf(cidr)}, ${MULTICAST[width]} } masquerade`,
      '  }',
      '}',
    ],
  )
}

/** What there is of it goes; nothing being there is no fault. */
export function masqueradeNoMore(id: string): void {
  for (const family of ['ip', 'ip6']) if (has('nft')) succeeds('nft', ['delete', 'table', family, id])
  for (const width of [4, 16] as const) {
    const program = programOf(width)
    if (!has(program)) continue
    const chain = chainOf(id)
    const { stdout } = spawnSync(program, ['-w', '-t', 'nat', '-S', 'POSTROUTING'], { encoding: 'utf8' })
    for (const rule of (stdout ?? '').split('\n').filter((line) => line.endsWith(`-j ${chain}`)))
      succeeds(program, [
        '-w',
        '-t',
        'nat',
        '-D',
        ...rule
          .split(' ')
          .slice(1)
          .map((word) => word.replaceAll('"', '')),
      ])
    succeeds(program, ['-w', '-t', 'nat', '-F', chain])
    succeeds(program, ['-w', '-t', 'nat', '-X', chain])
  }
}

function networkOf(cidr: string): string {
  const prefix = parsePrefix(cidr)
  return prefix === undefined ? cidr : formatPrefix(prefix)
}

/** 28 characters at most. */
function chainOf(id: string): string {
  return `CNI-${id.slice(-24)}`
}

function programOf(width: 4 | 16): string {
  return width === 4 ? 'iptables' : 'ip6tables'
}

function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
}

function succeeds(program: string, words: readonly string[]): boolean {
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0
}

function run(program: string, words: readonly string[], input: readonly string[] = []): void {
  const { status, stderr, error } = spawnSync(program, words, { input: input.join('\n'), encoding: 'utf8' })
  if (status === 0) return
  throw new Refusal(CODE.cable, `ipMasq: ${program} ${words.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
