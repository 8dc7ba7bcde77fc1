// `ipMasq`: what a container sends beyond its own network carries the host's address. One chain of iptables, or one table
// of nftables, for each attachment, named after it, so that it can be taken away without knowing what is in it. Called
// by plugin.ts.

import { spawnSync } from 'node:child_process'
import { formatPrefix, parseCidr, parsePrefix } from '../frame/address.js'
import { CODE, Refusal } from './refusal.js'

const FAMILIES = {
  4: { table: 'ip', program: 'iptables', multicast: '224.0.0.0/4' },
  16: { table: 'ip6', program: 'ip6tables', multicast: 'ff00::/8' },
} as const

/** `cidrs` are the container's addresses. `backend` as the configuration names it: '' for what is there. */
export function masquerade(id: string, cidrs: readonly string[], backend: string): void {
  const by = usesIptables(backend) ? byIptables : byNftables
  for (const cidr of cidrs) by(id, cidr)
}

/** Each of them. */
export function isMasqueraded(id: string, cidrs: readonly string[], backend: string): boolean {
  const by = usesIptables(backend)
    ? (cidr: string) => inNat(cidr, '-C', ...jumpOf(id, cidr))
    : (cidr: string) => ['nft', 'list', 'table', familyOf(cidr).table, id]
  return cidrs.every((cidr) => succeeds(...by(cidr)))
}

function usesIptables(backend: string): boolean {
  if (!['', 'iptables', 'nftables'].includes(backend))
    throw new Refusal(CODE.configuration, `ipMasqBackend: "${backend}" is neither iptables nor nftables`)
  return backend === 'iptables' || (backend === '' && has('iptables'))
}

function familyOf(cidr: string) {
  return FAMILIES[parseCidr(cidr)?.address.length === 16 ? 16 : 4]
}

function inNat(cidr: string, ...words: string[]): string[] {
  return [familyOf(cidr).program, '-w', '-t', 'nat', ...words]
}

/** What leads to an attachment's chain. */
function jumpOf(id: string, cidr: string): string[] {
  return ['POSTROUTING', '-s', cidr.replace(/\/.*/, ''), '-j', chainOf(id), ...commentOf(id)]
}

function commentOf(id: string): string[] {
  return ['-m', 'comment', '--comment', id]
}

function byIptables(id: string, cidr: string): void {
  const add = (...words: string[]) => run(inNat(cidr, '-A', ...words))
  const [chain, comment] = [chainOf(id), commentOf(id)]
  if (!succeeds(...inNat(cidr, '-n', '-L', chain))) run(inNat(cidr, '-N', chain))
  add(chain, '-d', networkOf(cidr), '-j', 'ACCEPT', ...comment)
  add(chain, '!', '-d', familyOf(cidr).multicast, '-j', 'MASQUERADE', ...comment)
  add(...jumpOf(id, cidr))
}

function byNftables(id: string, cidr: string): void {
  const { table, multicast } = familyOf(cidr)
  const lines = [
    `table ${table} ${id} {`,
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat;',
    `    ${table} saddr ${cidr.replace(/\/.*/, '')} ${table} daddr != { ${networkOf(cidr)}, ${multicast} } masquerade`,
    '  }',
    '}',
  ]
  run(['nft', '-f', '-'], lines)
}

/** What there is of it goes; nothing being there is no fault. */
export function masqueradeNoMore(id: string): void {
  const chain = chainOf(id)
  for (const { table, program } of Object.values(FAMILIES)) {
    succeeds('nft', 'delete', 'table', table, id)
    const nat = [program, '-w', '-t', 'nat']
    const { stdout } = spawnSync(program, [...nat.slice(1), '-S', 'POSTROUTING'], { encoding: 'utf8' })
    for (const rule of (stdout ?? '').split('\n').filter((line) => line.endsWith(`-j ${chain}`))) {
      const words = rule.split(' ').slice(1)
      succeeds(...nat, '-D', ...words.map((word) => word.replaceAll('"', '')))
    }
    succeeds(...nat, '-F', chain)
    succeeds(...nat, '-X', chain)
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

function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
}

/** False, too, where there is no such program. */
function succeeds(program = '', ...words: string[]): boolean {
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0
}

function run([program = '', ...words]: readonly string[], input: readonly string[] = []): void {
  const { status, stderr, error } = spawnSync(program, words, { input: input.join('\n'), encoding: 'utf8' })
  if (status === 0) return
  throw new Refusal(CODE.cable, `ipMasq: ${program} ${words.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
