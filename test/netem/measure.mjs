// In a guest whose kernel has sch_netem: gives the same words to netem on kernel veth and to a pair of ours, sends the same
// frames through both (flow.c), and leaves what flow.c wrote in $RESULTS: NN.netem and NN.uveth. Started by scripts/netem:
//   node measure.mjs FLOW [PATTERN OF WORDS]
// It must not compare: that is compare.mjs, outside.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseImpairWords } from '../../dist/faults/impair-words.js'
import { createPair } from '../../dist/index.js'
import { FRAMES, formsWith, GAP, LENGTHS } from './forms.mjs'

/** ns: longer than the longest wait of any form. */
const QUIET = 1_500_000_000
const [flow = '', pattern = ''] = process.argv.slice(2)
const folder = process.env.RESULTS ?? '.'

/** What would be read from the host, or compiled, while frames wait: the guest's clock runs on meanwhile. */
async function warmUp() {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n')
  for (const file of new Set(maps.map((line) => line.slice(73)).filter((name) => existsSync(name))))
    readFileSync(file)
  await pair.a.impair({ delay: { time: 5, jitter: 2 }, loss: 5, duplicate: 20, reorder: 10, corrupt: 5 })
  for (let time = 0; time < 3; time++) {
    send('netem0', 'netem1', { words: '', compare: [], frames: 500 })
    send('uveth0', 'uveth1', { words: '', compare: [], frames: 2_000 })
  }
}

/** @param {string[]} words */
const ip = (...words) => execFileSync('ip', words, { stdio: 'inherit' })

/**
 * @param {string} from
 * @param {string} to
 * @param {import('./forms.mjs').Form} form
 */
function send(from, to, { frames = FRAMES, gap = GAP, lengths = LENGTHS }) {
  const words = [from, to, ...[frames, gap, QUIET, ...lengths].map(String)]
  return execFileSync(flow, words, { maxBuffer: 1 << 28 })
}

// Nothing else is to be sent on either.
writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1')
ip('link', 'add', 'netem0', 'up', 'type', 'veth', 'peer', 'name', 'netem1')
ip('link', 'set', 'netem1', 'up')
for (const name of ['netem0', 'netem1'])
  execFileSync('ethtool', ['-K', name, 'gro', 'off', 'tso', 'off'], { stdio: 'ignore' })
const pair = await createPair({ a: { name: 'uveth0', up: true }, b: { name: 'uveth1', up: true } })
await warmUp()

for (const [place, form] of formsWith(pattern)) {
  const words = form.words.split(' ')
  execFileSync('tc', ['qdisc', 'replace', 'dev', 'netem0', 'root', 'netem', ...words], { stdio: 'inherit' })
  await pair.a.impair(parseImpairWords(words))
  const name = `${folder}/${String(place).padStart(2, '0')}`
  writeFileSync(`${name}.netem`, send('netem0', 'netem1', form))
  writeFileSync(`${name}.uveth`, send('uveth0', 'uveth1', form))
  execFileSync('tc', ['qdisc', 'del', 'dev', 'netem0', 'root'])
  await pair.a.impair(null)
  process.stdout.write(`${form.words}\n`)
}
await pair.close()
