// Which characters of the sources have been run, as V8 counts it: block coverage through the inspector, of this
// thread. Asking costs milliseconds, whatever has been run since, so the fuzzer asks once for many inputs.

import { type Profiler, Session } from 'node:inspector'

/** Characters of a script: 1 where run. */
type Marks = Uint8Array

const NOTHING: Marks = new Uint8Array(0)

export class Coverage {
  readonly #session = new Session()
  readonly #about: RegExp
  readonly #seen = new Map<string, Marks>()

  /** `about`: sources that count. */
  constructor(about: RegExp) {
    this.#about = about
    this.#session.connect()
    this.#post('Profiler.enable')
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** What has been run since the last call. */
  take(): Map<string, Marks> {
    const { result } = this.#post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType
    const about = result.filter(({ url }) => this.#about.test(url))
    return new Map(about.map(({ url, functions }) => [url, painted(functions)]))
  }

  /** Has anything been run that had never been? */
  isNew(run: Map<string, Marks>): boolean {
    for (const [url, map] of run) {
      const seen = this.#seen.get(url) ?? NOTHING
      for (let at = 0; at < map.length; at++) if (map[at]! > (seen[at] ?? 0)) return true
    }
    return false
  }

  add(run: Map<string, Marks>): void {
    for (const [url, map] of run) {
      const seen = this.#seen.get(url)
      if (seen === undefined) this.#seen.set(url, map)
      else for (let at = 0; at < map.length; at++) seen[at] = seen[at]! | map[at]!
    }
  }

  /** Characters that have been run. */
  get total(): number {
    let sum = 0
    for (const map of this.#seen.values()) for (const one of map) sum += one
    return sum
  }

  close(): void {
    this.#post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  #post(method: string, params: object = {}): unknown {
    let answer: unknown
    this.#session.post(method, params, (error, result) => {
      if (error) throw error
      answer = result
    })
    return answer
  }
}

/** Ranges come from the outside in: what is inside counts. */
function painted(functions: readonly Profiler.FunctionCoverage[]): Marks {
  const ranges = functions.flatMap((one) => one.ranges)
  const map = new Uint8Array(Math.max(...ranges.map(({ endOffset }) => endOffset)))
  for (const { startOffset, endOffset, count } of ranges) map.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return map
}
