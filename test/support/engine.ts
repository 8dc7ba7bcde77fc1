// A container engine that is made up: it answers on a socket as Docker's does, and its containers are processes of a
// test. For tests of what is done in a container's namespace, on machines without an engine.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'

export class Engine implements AsyncDisposable {
  readonly #folder = mkdtempSync(`${tmpdir()}/uveth-engine-`)
  readonly #server: Server
  /** For DOCKER_HOST. */
  readonly host = `unix://${this.#folder}/s`

  private constructor(containers: Readonly<Record<string, number>>) {
    this.#server = createServer(({ url = '' }, answer) => {
      const [, name = ''] = /^\/containers\/([^/]+)\/json$/.exec(url) ?? []
      const pid = containers[name]
      answer.statusCode = pid === undefined ? 404 : 200
      const state = { Status: pid ? 'running' : 'exited', Pid: pid }
      answer.end(JSON.stringify({ Id: name, State: state }))
    })
  }

  /** `containers`: their names with a process of each; 0 for one that has ended. */
  static async start(containers: Readonly<Record<string, number>>): Promise<Engine> {
    const engine = new Engine(containers)
    await new Promise<void>((resolve) => engine.#server.listen(`${engine.#folder}/s`, resolve))
    return engine
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    rmSync(this.#folder, { recursive: true })
  }
}
