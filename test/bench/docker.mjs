#!/usr/bin/env node
// How long a container engine waits for each call of the network driver's protocol, as one network with one container comes
// and goes, with IPv4 and IPv6 and a TCP and a UDP port: medians and maxima in ms. As root: `node test/bench/docker.mjs
// [ROUNDS]`, after a build; no engine is needed. It works in a namespace and a folder of its own, and removes them.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from './stats.mjs'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const ROUNDS = Number(process.argv[2] ?? 20)
const HOME = `uvb-${process.pid}`
/** ms between two calls; an engine is slower. */
const PAUSE = 60

const folder = mkdtempSync(join(tmpdir(), 'uvb-'))
const socketPath = join(folder, 'docker.sock')
/** ms, by call. @type {Map<string, number[]>} */
const times = new Map()

/** @param {string} name @param {object} body */
async function call(name, body) {
  const began = performance.now()
  const asked = request({ socketPath, method: 'POST', path: `/NetworkDriver.${name}` })
  asked.end(JSON.stringify(body))
  const [answer] = await once(asked, 'response')
  let text = ''
  for await (const part of answer) text += part
  const took = performance.now() - began
  const { Err } = JSON.parse(text)
  if (Err) throw new Error(`${name}: ${Err}`)
  times.set(name, [...(times.get(name) ?? []), took])
  await sleep(PAUSE)
}

/** @param {number} round */
async function comeAndGo(round) {
  const NetworkID = round.toString(16).padStart(64, '0')
  const ids = { NetworkID, EndpointID: NetworkID.replace(/^0/, 'e') }
  const [four, six] = [`10.201.${round}`, `fd00:201:${round}:`]
  const ports = [
    { Proto: 6, Port: 80, HostPort: 8080 },
    { Proto: 17, Port: 70, HostPort: 7053 },
  ]
  await call('CreateNetwork', {
    NetworkID,
    IPv4Data: [{ Pool: `${four}.0/24`, Gateway: `${four}.1/24` }],
    IPv6Data: [{ Pool: `${six}:/64`, Gateway: `${six}:1/64` }],
  })
  const Interface = { Address: `${four}.2/24`, AddressIPv6: `${six}:2/64` }
  await call('CreateEndpoint', { ...ids, Interface })
  await call('Join', ids)
  await call('ProgramExternalConnectivity', { ...ids, Options: { 'com.docker.network.portmap': ports } })
  await call('EndpointOperInfo', ids)
  await call('RevokeExternalConnectivity', ids)
  await call('Leave', ids)
  await call('DeleteEndpoint', ids)
  await call('DeleteNetwork', { NetworkID })
}

execFileSync('ip', ['netns', 'add', HOME])
const files = ['--socket', join(folder, 'control.sock'), '--state', join(folder, 'pairs.json')]
const words = [
  'netns',
  'exec',
  HOME,
  process.execPath,
  MAIN,
  'daemon',
  ...files,
  '--docker-socket',
  socketPath,
]
const daemon = spawn('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] })
try {
  while (!existsSync(socketPath) && daemon.exitCode === null) await sleep(50)
  for (let round = 1; round <= ROUNDS; round++) await comeAndGo(round)
  console.log(`| call, ${ROUNDS} rounds | median, ms | maximum, ms |\n|---|---|---|`)
  for (const [name, all] of times)
    console.log(`| ${name} | ${median(all).toFixed(1)} | ${Math.max(...all).toFixed(1)} |`)
} finally {
  daemon.kill()
  if (daemon.exitCode === null) await once(daemon, 'exit')
  execFileSync('ip', ['netns', 'del', HOME])
  rmSync(folder, { recursive: true })
}
