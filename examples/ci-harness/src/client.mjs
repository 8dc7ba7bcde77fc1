// Asks the server, and asks again when no answer comes: `node src/client.mjs ADDRESS PORT TEXT [COUNT]`.
// Prints each try, and each answer with the number of tries that it took. What this project tests.

import { createSocket } from 'node:dgram'
import { fileURLToPath } from 'node:url'

const TRIES = Number(process.env.TRIES ?? 10)
/** ms */
const FIRST_TIMEOUT = 100
const LONGEST_TIMEOUT = 200

export class Client {
  #socket = createSocket('udp4')
  #lastId = 0
  /** Who waits for which answer. */
  #waiting = new Map()

  constructor(address, port) {
    this.address = address
    this.port = port
    this.#socket.on('message', (message) => {
      const { id, text } = JSON.parse(message.toString())
      this.#waiting.get(id)?.(text)
    })
  }

  /** The answer, and how many tries it took. */
  async ask(text, onTry = () => {}) {
    const id = ++this.#lastId
    const request = JSON.stringify({ id, text })
    let timeout = FIRST_TIMEOUT
    for (let tries = 1; tries <= TRIES; tries++) {
      onTry(tries)
      // A send that fails (the link is down) is a datagram that is lost.
      this.#socket.send(request, this.port, this.address, () => {})
      const answer = await this.#answer(id, timeout)
      if (answer !== undefined) return { text: answer, tries }
      timeout = Math.min(2 * timeout, LONGEST_TIMEOUT)
    }
    throw new Error(`no answer after ${TRIES} tries`)
  }

  close() {
    this.#socket.close()
  }

  #answer(id, timeout) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(undefined), timeout)
      const done = (answer) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(answer)
      }
      this.#waiting.set(id, done)
    })
  }
}

async function main([address, port, text, count = '1']) {
  const client = new Client(address, Number(port))
  try {
    for (let n = 0; n < Number(count); n++) {
      const answer = await client.ask(text, (tries) => console.log(`try ${tries}`))
      console.log(`answer ${JSON.stringify(answer)}`)
    }
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  } finally {
    client.close()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))
