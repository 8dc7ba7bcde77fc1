// Programs in network namespaces that ask each other: a server that tells who asked it, by TCP or UDP, and whoever asks
// addresses one after the other. A namespace is named by its path.

import { type AnyMessages, evaluate, type Kit, launch, type Program } from './program.js'

export interface Place {
  protocol: 'tcp' | 'udp'
  address?: string
  port: number
}

/** Runs in a process of its own. */
async function serve({ say, net, dgram, events }: Kit, places: Place[]) {
  for (const { protocol, port } of places) {
    if (protocol === 'tcp') {
      const server = net.createServer((socket) => {
        socket.on('error', () => {})
        socket.end(`${socket.remoteAddress}`.replace('::ffff:', ''))
      })
      await events.once(server.listen(port), 'listening')
    } else {
      const socket = dgram.createSocket('udp4', (_, from) =>
        socket.send(from.address, from.port, from.address),
      )
      await events.once(socket.bind(port), 'listening')
    }
  }
  say({ event: 'serving' })
}

/** Runs in a process of its own. */
async function ask({ net, dgram, events }: Kit, places: Required<Place>[]): Promise<string[]> {
  const answers: string[] = []
  for (const { protocol, address, port } of places) {
    if (protocol === 'tcp') {
      let answer = ''
      const socket = net.connect(port, address)
      socket.setEncoding('utf8').on('data', (text) => {
        answer += text
      })
      await events.once(socket, 'close').catch((error) => {
        answer = error.code
      })
      answers.push(answer)
    } else {
      const socket = dgram.createSocket('udp4')
      const answered = events.once(socket, 'message')
      const again = setInterval(() => socket.send('?', port, address), 200)
      answers.push(String((await answered)[0]))
      clearInterval(again)
      socket.close()
    }
  }
  return answers
}

/** For a program that starts there. */
const inside = (netns: string) => ({ prefix: ['nsenter', `--net=${netns}`] })

/** It ends with its scope. */
export async function serving(netns: string, places: Place[]): Promise<Program<AnyMessages>> {
  const program = launch(serve, places, inside(netns))
  await program.next('serving')
  return program
}

/** As whom the server saw it, from each place; or the code of the error. */
export async function asking(netns: string, places: Required<Place>[]): Promise<string[]> {
  return await evaluate(ask, places, inside(netns))
}
