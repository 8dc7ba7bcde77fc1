// How the tests start the two programs.

import { fileURLToPath } from 'node:url'

export const PORT = 9000

const path = (name) => fileURLToPath(new URL(`../src/${name}`, import.meta.url))

/** Starts the server on end b; resolves when it listens. */
export async function serve({ spawn, ip }) {
  const server = spawn('b', process.execPath, [path('server.mjs'), ip.b, String(PORT)])
  await server.line('listening')
  return server
}

/** Words that run the client. */
export function client({ ip }, text, count = 1) {
  return [process.execPath, [path('client.mjs'), ip.b, String(PORT), text, String(count)]]
}

/** Tries that each answer took, from what the client has printed. */
export function triesIn(stdout) {
  return [...stdout.matchAll(/^answer (.*)$/gm)].map(([, answer]) => JSON.parse(answer).tries)
}
