// `uveth completion SHELL`: prints a completion script, made from the one table below. The scripts ask
// `uveth link show -br` for names of interfaces and /run/netns for namespaces; everything else they know.

import { IMPAIR_WORDS } from '../faults/impair-words.js'
import { PROFILE_NAMES } from '../faults/profiles.js'
import { ACTION_WORDS, MATCH_WORDS } from '../faults/rule-words.js'
import { PAIR_WORDS } from '../iproute/grammar.js'
import { ATTRIBUTES, FAULTS } from '../iproute/keywords.js'
import { VXLAN_WORDS } from '../iproute/vxlan.js'
import { LIMIT_NAMES } from '../wishes/limits.js'
import { CARRIER_MODES, DISTRIBUTIONS } from '../wishes/names.js'
import { OPTIONS as GLOBALS, TRAILING } from './globals.js'
import { COMPLETION_HELP } from './help.js'
import { APPLY, CAPTURE, DAEMON, DESTROY, LOOK, REPLAY, RUN, SHELL, TOP, WEB } from './options.js'
import { write } from './session.js'
import { WAYS } from './shell/words.js'
import { SORTS } from './top/view.js'
import { UsageError } from './usage.js'
import { VERBS as VERB_NAMES } from './words.js'

/** What may come next: fixed words, and names that are looked up when they are wanted. */
interface Candidates {
  words?: string
  /** interfaces: of pairs. netns: names under /run/netns. files: the shell's own. */
  names?: 'interfaces' | 'netns' | 'files'
}

/** As iproute2 writes those it has too. */
const options = (names: readonly string[]) =>
  names.map((name) => `${OURS.includes(name) ? '--' : '-'}${name}`)
const OURS = ['socket', 'no-start', 'color', 'help', 'version']
const SYNONYMS = ['statistics', 'Version', 'family']
const OPTIONS = options(GLOBALS.filter((name) => !SYNONYMS.includes(name))).join(' ')
const SHOWING = options(TRAILING.filter((name) => !SYNONYMS.includes(name))).join(' ')
/** Those of a verb. */
const own = (table: object) => Object.keys(table).map((name) => `--${name}`)

/** Words behind `link set … impair` and `… rule add`, wherever one is: those that the grammar has. */
const IMPAIR = IMPAIR_WORDS.join(' ')
/** Without those that count, which a capture's match has not. */
const MATCH = MATCH_WORDS.filter((word) => !['nth', 'every', 'first'].includes(word)).join(' ')
const RULE = [...ACTION_WORDS, ...MATCH_WORDS].join(' ')

/** After one of these words, wherever it stands. `''`: a value that nobody can guess. */
const AFTER: Record<string, Candidates> = {
  '-n|-netns|--netns|netns|link-netns|--netns-a|--netns-b': { names: 'netns' },
  '-b|-batch|--batch|--socket|-socket|--state|--metrics|--docker-socket|-w|--write|--capture|replay': {
    names: 'files',
  },
  type: { words: 'veth' },
  carrier: { words: CARRIER_MODES.join(' ') },
  impair: { words: `show none ${IMPAIR}` },
  rule: { words: 'add replace show del flush' },
  schedule: { words: 'show off', names: 'files' },
  distribution: { words: DISTRIBUTIONS.join(' '), names: 'files' },
  rate: { words: 'trace' },
  trace: { names: 'files' },
  '--end': { words: 'a b' },
  '--host': { words: '127.0.0.1 ::1' },
  '--speed': { words: 'max' },
  '--sort|-o': { words: SORTS.join(' ') },
  dev: { names: 'interfaces' },
  '--netlink': { words: 'on off' },
  '--profile': { words: PROFILE_NAMES.join(' ') },
  '--via': { words: WAYS.join(' ') },
  '--limit': { words: LIMIT_NAMES.map((name) => `${name}=`).join(' ') },
  '--log': { words: 'debug info warn error' },
  'remote|local|dstport|keepalive|name|index|address|mtu|txqueuelen|queues|id|group|master|-f|-family|--mtu|--address-a|--address-b|--addr-a|--addr-b|--workers|--memory|--idle-exit|--seed|--from|--peer-from|--loop|--delay|-d|--iterations|--filter|--port':
    {},
}

/** By verb and, for link, what follows it. */
const VERBS: Record<string, Candidates> = {
  '': { words: `${VERB_NAMES.join(' ')} ${OPTIONS}` },
  link: { words: 'add del set show help' },
  'link add': {
    words: [
      ...ATTRIBUTES.filter((word) => word !== 'carrier'),
      ...PAIR_WORDS,
      ...['peer', 'vxlan', ...VXLAN_WORDS],
    ].join(' '),
  },
  'link del': { names: 'interfaces' },
  'link set': {
    words: [...ATTRIBUTES.filter((word) => !['index', 'type', 'link-netns'].includes(word)), ...FAULTS].join(
      ' ',
    ),
    names: 'interfaces',
  },
  'link set impair': { words: IMPAIR },
  'link set rule': { words: RULE },
  'link set flap': {},
  'link set schedule': {},
  'link show': { words: `up group master nomaster ${SHOWING}`, names: 'interfaces' },
  monitor: { words: SHOWING },
  stats: { words: SHOWING, names: 'interfaces' },
  top: { words: own(TOP).join(' ') },
  capture: { words: `${own(CAPTURE).join(' ')} ${MATCH}`, names: 'interfaces' },
  replay: { words: own(REPLAY).join(' '), names: 'interfaces' },
  run: { words: own(RUN).join(' ') },
  apply: { words: own(APPLY).join(' '), names: 'files' },
  destroy: { words: own(DESTROY).join(' '), names: 'files' },
  daemon: { words: own(DAEMON).join(' ') },
  web: { words: own(WEB).join(' ') },
  health: { words: own(LOOK).join(' ') },
  doctor: { words: own(LOOK).join(' ') },
  completion: { words: 'bash zsh fish' },
  shim: { words: 'run install uninstall --path --help' },
  sandbox: { names: 'files' },
  shell: { words: `${own(SHELL).join(' ')} up down ${IMPAIR}` },
}

/** Words that `link …` may be written with, by the one in VERBS. */
const SUBVERBS: Record<string, string> = {
  'add|a': 'add',
  'del|delete|d': 'del',
  'set|s|change': 'set',
  'show|sh|list|ls|lst': 'show',
}
/** Options in front of the verb whose value is the next word. */
const VALUED = '-n|-netns|--netns|-b|-batch|--batch|--socket|-socket'

const SHELLS = { bash, zsh, fish } as const

/** Words behind `completion`. */
export async function completion([shell, ...more]: string[]): Promise<number> {
  if (shell === 'help' || shell === '--help' || shell === '-h') {
    write(COMPLETION_HELP)
    return 0
  }
  const script = SHELLS[shell as keyof typeof SHELLS]
  if (!Object.hasOwn(SHELLS, shell ?? '') || more.length > 0)
    throw new UsageError('give a shell: uveth completion bash|zsh|fish')
  write(script())
  return 0
}

/** Lines of candidates, given the words before the cursor: the same text serves bash and zsh. */
function posixCandidates(): string {
  const arm = (pattern: string, { words, names }: Candidates) => {
    const orders = [...(words ? [`printf '%s\\n' ${words}`] : []), ...(names ? [`_uveth_${names}`] : [])]
    return `    ${pattern === '' ? "''" : pattern.replace(/^.* .*$/, "'$&'")}) ${orders.join('; ') || ':'} ;;`
  }
  return `_uveth_interfaces() {
  uveth link show -br 2>/dev/null | while read -r name rest; do printf '%s\\n' "\${name%%@*}"; done
}
_uveth_netns() { ls /run/netns 2>/dev/null; }
_uveth_files() { printf '%s\\n' __files__; }
_uveth_candidates() {
  local verb='' sub='' prev='' word skip=''
  shift
  for word in "$@"; do
    prev=$word
    if [ -n "$skip" ]; then skip=''; continue; fi
    if [ -z "$verb" ]; then
      case $word in
        ${VALUED}) skip=1 ;;
        -*) ;;
        l|li|lin) verb=link ;;
        *) verb=$word ;;
      esac
    elif [ "$verb" = link ] && [ -z "$sub" ]; then
      case $word in
${Object.entries(SUBVERBS)
  .map(([pattern, sub]) => `        ${pattern}) sub=${sub} ;;`)
  .join('\n')}
      esac
    elif [ "$verb $sub" = 'link set' ]; then
      case $word in
        ${FAULTS.join('|')}) sub="set $word" ;;
      esac
    fi
  done
  case $prev in
${Object.entries(AFTER)
  .map(([pattern, candidates]) => `${arm(pattern, candidates).replace(/ ;;$/, '; return ;;')}`)
  .join('\n')}
  esac
  case "$verb\${sub:+ $sub}" in
${Object.entries(VERBS)
  .map(([pattern, candidates]) => arm(pattern, candidates))
  .join('\n')}
  esac
}
`
}

function bash(): string {
  return `# bash completion of uveth. Load it with: source <(uveth completion bash)
${posixCandidates()}_uveth() {
  local cur=\${COMP_WORDS[COMP_CWORD]} found
  found=$(_uveth_candidates "\${COMP_WORDS[@]:0:COMP_CWORD}")
  COMPREPLY=($(compgen -W "\${found/__files__/}" -- "$cur"))
  case $found in *__files__*) COMPREPLY+=($(compgen -f -- "$cur")) ;; esac
}
complete -F _uveth uveth
`
}

function zsh(): string {
  return `#compdef uveth
# zsh completion of uveth. Put it where fpath leads, as _uveth.
${posixCandidates()}_uveth() {
  local found
  found=$(_uveth_candidates "\${(@)words[1,CURRENT-1]}")
  compadd -- \${(f)found/__files__/}
  [[ $found != *__files__* ]] || _files
}
if [ "$funcstack[1]" = "_uveth" ]; then _uveth "$@"; else compdef _uveth uveth; fi
`
}

function fish(): string {
  const arm = (pattern: string, { words, names }: Candidates) => {
    const patterns =
      pattern === ''
        ? "''"
        : pattern
            .split('|')
            .map((one) => `'${one}'`)
            .join(' ')
    const orders = [...(words ? [`printf '%s\\n' ${words}`] : []), ...(names ? [`__uveth_${names}`] : [])]
    return `    case ${patterns}\n${orders.map((order) => `      ${order}`).join('\n') || '      true'}`
  }
  return `# fish completion of uveth. Put it into ~/.config/fish/completions/uveth.fish
function __uveth_interfaces
  uveth link show -br 2>/dev/null | string replace -r '[@ ].*' ''
end
function __uveth_netns
  ls /run/netns 2>/dev/null
end
function __uveth_files
  __fish_complete_path (commandline -ct)
end
function __uveth_candidates
  set -l verb ''
  set -l sub ''
  set -l prev ''
  set -l skip ''
  for word in $argv[2..-1]
    set prev $word
    if test -n "$skip"
      set skip ''
    else if test -z "$verb"
      switch $word
        case ${VALUED.split('|')
          .map((one) => `'${one}'`)
          .join(' ')}
          set skip 1
        case '-*'
        case l li lin
          set verb link
        case '*'
          set verb $word
      end
    else if test "$verb" = link; and test -z "$sub"
      switch $word
${Object.entries(SUBVERBS)
  .map(([pattern, sub]) => `        case ${pattern.replaceAll('|', ' ')}\n          set sub ' ${sub}'`)
  .join('\n')}
      end
    else if test "$verb$sub" = 'link set'
      switch $word
        case ${FAULTS.join(' ')}
          set sub " set $word"
      end
    end
  end
  switch $prev
${Object.entries(AFTER)
  .map(([pattern, candidates]) => `${arm(pattern, candidates)}\n      return`)
  .join('\n')}
  end
  switch "$verb$sub"
${Object.entries(VERBS)
  .map(([pattern, candidates]) => arm(pattern, candidates))
  .join('\n')}
  end
end
complete -c uveth -f -a '(__uveth_candidates (commandline -opc))'
`
}
