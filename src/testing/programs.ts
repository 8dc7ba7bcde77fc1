// The programs of one test: what `exec` and `spawn` of its context are, and those of each node. Made by testbed.ts.

import { invalid } from '../errors.js'
import { EXEC, SPAWN } from '../wishes/kit.js'
import { checked, oneOf, type Shape } from '../wishes/shape.js'
import {
  commandOf,
  type ExecOptions,
  type ExecResult,
  finish,
  type Place,
  RunningProgram,
  type SpawnOptions,
} from './program.js'

/**
 * Runs a program in the namespace of an end, with its arguments, or a line for the shell. Rejects with its
 * output when its exit code is not 0.
 */
export interface Exec {
  (end: 'a' | 'b', command: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>
  (end: 'a' | 'b', line: string, options?: ExecOptions): Promise<ExecResult>
}

/** Starts a program there that stays; it is killed with the pair at the latest. */
export interface Spawn {
  (end: 'a' | 'b', command: string, args: readonly string[], options?: SpawnOptions): RunningProgram
  (end: 'a' | 'b', line: string, options?: SpawnOptions): RunningProgram
}

/** The same in the one node that it is of. */
export interface NodeExec {
  (command: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>
  (line: string, options?: ExecOptions): Promise<ExecResult>
}
export interface NodeSpawn {
  (command: string, args: readonly string[], options?: SpawnOptions): RunningProgram
  (line: string, options?: SpawnOptions): RunningProgram
}

/** What may stand behind a command: its arguments, then options. */
type Words<Options> = [second?: readonly string[] | Options, third?: Options]

export class Programs {
  readonly #places: readonly Place[]
  readonly #running = new Set<RunningProgram>()
  readonly #spawned: RunningProgram[] = []
  /** Why nothing can be run any more. */
  #over: string | undefined

  constructor(places: readonly Place[]) {
    this.#places = places
  }

  readonly exec: Exec = async (end: string, command: string, ...words: Words<ExecOptions>) =>
    await this.#exec(this.#placeOf(end), command, words)

  readonly spawn: Spawn = (end: string, command: string, ...words: Words<SpawnOptions>) =>
    this.#spawn(this.#placeOf(end), command, words)

  /** Those of one node. */
  of(node: string): { exec: NodeExec; spawn: NodeSpawn } {
    const place = this.#placeOf(node)
    return {
      exec: async (command: string, ...words: Words<ExecOptions>) => await this.#exec(place, command, words),
      spawn: (command: string, ...words: Words<SpawnOptions>) => this.#spawn(place, command, words),
    }
  }

  /** What those that were spawned are doing, and said last. */
  words(): string[] {
    return this.#spawned.flatMap((program) => program.words())
  }

  /** Nothing is started any more. `of`: what has ended. */
  close(of: 'pair' | 'lab'): void {
    this.#over = `the ${of} of this test is closed`
  }

  /** Resolves when all have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running].map(({ ended }) => ended))
  }

  #placeOf(name: string): Place {
    const names = this.#places.map((place) => place.name)
    return this.#places[names.indexOf(oneOf(...names).read(name, 'end'))] as Place
  }

  async #exec(place: Place, command: string, words: Words<ExecOptions>): Promise<ExecResult> {
    const { args, options } = split(words, EXEC)
    return await finish(this.#start(place, commandOf(command, args), options), options)
  }

  #spawn(place: Place, command: string, words: Words<SpawnOptions>): RunningProgram {
    const { args, options } = split(words, SPAWN)
    const program = this.#start(place, commandOf(command, args), options)
    this.#spawned.push(program)
    return program
  }

  #start(place: Place, command: string[], options: SpawnOptions): RunningProgram {
    if (this.#over !== undefined)
      throw invalid(`${this.#over}: nothing is run on ${place.name} any more`, undefined, 'ENODEV')
    const program = new RunningProgram(place, command, options)
    this.#running.add(program)
    const over = () => void this.#running.delete(program)
    program.ended.then(over, over)
    return program
  }
}

function split<Options extends object>(
  [second, third]: Words<Options>,
  shape: Shape<Options, unknown>,
): { args: readonly string[] | undefined; options: Options } {
  const args = Array.isArray(second) ? second : undefined
  const options = (args === undefined ? (second as Options | undefined) : third) ?? ({} as Options)
  checked(shape, options)
  return { args, options }
}
