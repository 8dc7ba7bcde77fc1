// A daemon that is none, for unit tests: the HTTP server over a registry without pairs, on a socket in a folder of its
// own. Orders come to their checks, and no further. `await using daemon = await MadeUpDaemon.start()`, or close().

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { UvethError } from '../../src/errors.js'
import { Registry } from '../../src/orders/registry.js'
import { type HttpServer, openHttp } from '../../src/servers/http.js'

export class MadeUpDaemon implements AsyncDisposable {
  readonly socket: string
  readonly #folder: string
  readonly #http: HttpServer

  private constructor(folder: string, socket: string, http: HttpServer) {
    this.#folder = folder
    this.socket = socket
    this.#http = http
  }

  static async start(): Promise<MadeUpDaemon> {
    const folder = mkdtempSync(join(tmpdir(), 'uvt-daemon-'))
    const http = await openHttp(new Registry(), {
      ending: false,
      version: () => ({ version: '1.2.3' }),
      health: () => ({}),
      shutdown: () => {},
      forget: async () => false,
      failed: (error) => expect.unreachable(String(error)),
    })
    const socket = join(folder, 's')
    await http.listen(socket)
    return new MadeUpDaemon(folder, socket, http)
  }

  async close(): Promise<void> {
    await this.#http.close()
    rmSync(this.#folder, { recursive: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** What a wish is refused with. */
export async function refusalOf(wish: () => unknown): Promise<UvethError> {
  try {
    await wish()
  } catch (error) {
    expect(error).toBeInstanceOf(UvethError)
    return error as UvethError
  }
  return expect.unreachable('it was not refused')
}
