import { expect } from 'vitest'
import { Cable, addressed, atRest } from '../../support/cable.js'
import { iperf3 } from '../../support/iperf.js'
import { needs } from '../../support/skip.js'
const it = needs('root', 'tun', 'netns', 'ip')
it.each([[1000],[1000],[10000],[10000]])('%s', async (len) => {
  await using cable = await Cable.lay(addressed())
  cable.pair.a.drop({ udp: { dport: 53 } })
  await cable.pair.settled?.()
  await cable.pair.a.settled()
  cable.left.ip('link', 'set', 'x0', 'txqueuelen', `${len === 1000 ? 1000 : 10001}`)
  const { end } = await iperf3(cable.left, cable.right, '10.77.0.2', '--time', '3')
  const { a } = await atRest(cable.pair)
  console.log(len, Math.round(end.sum_received.bits_per_second / 1e6), 'Mbit/s', { retransmits: end.sum_sent.retransmits, kdrop: a.kernel?.tx_dropped, drops: a.drops }, cable.links().a.txqlen)
}, 60000)
