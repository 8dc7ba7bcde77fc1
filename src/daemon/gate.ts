// Where orders wait while the daemon's pairs are on their way to another process (giver.ts). Asked by the HTTP server.

export class Gate {
  #passed: Promise<void> = Promise.resolve()
  #pass = () => {}

  /** Resolves at once while it is open. */
  get passed(): Promise<void> {
    return this.#passed
  }

  close(): void {
    this.#passed = new Promise((pass) => {
      this.#pass = pass
    })
  }

  open(): void {
    this.#pass()
    this.#passed = Promise.resolve()
  }
}
