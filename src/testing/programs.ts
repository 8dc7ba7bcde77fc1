// The programs of one test: what `exec` and `spawn` of its context are. Made by testbed.ts.

import { EXEC, PROGRAM_END, SPAWN } from '../wishes/kit.js'
import { checked, type Shape } from '../wishes/shape.js'
import {
  commandOf,
  type ExecOptions,
  type ExecResult,
  finish,
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

export class Programs {
  readonly exec: Exec
  readonly spawn: Spawn
  readonly #netns: { readonly a: string; readonly b: string }
  readonly #running = new Set<RunningProgram>()
  readonly #spawned: RunningProgram[] = []

  constructor(netns: { readonly a: string; readonly b: string }) {
    this.#netns = netns
    this.exec = async (
      end: 'a' | 'b',
      command: string,
      second?: readonly string[] | ExecOptions,
      third?: ExecOptions,
    ): Promise<ExecResult> => {
      const { args, options } = split(second, third, EXEC)
      return await finish(this.#start(end, commandOf(command, args), options), options)
    }
    this.spawn = (
      end: 'a' | 'b',
      command: string,
      second?: readonly string[] | SpawnOptions,
      third?: SpawnOptions,
    ): RunningProgram => {
      const { args, options } = split(second, third, SPAWN)
      const program = this.#start(end, commandOf(command, args), options)
      this.#spawned.push(program)
      return program
    }
  }

  /** What those that were spawned are doing, and said last. */
  words(): string[] {
    return this.#spawned.flatMap((program) => program.words())
  }

  /** Resolves when all have ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running].map(({ ended }) => ended))
  }

  #start(end: 'a' | 'b', command: string[], options: SpawnOptions): RunningProgram {
    PROGRAM_END.read(end, 'end')
    const program = new RunningProgram(end, this.#netns[end], command, options)
    this.#running.add(program)
    const over = () => void this.#running.delete(program)
    program.ended.then(over, over)
    return program
  }
}

function split<Options extends object>(
  second: readonly string[] | Options | undefined,
  third: Options | undefined,
  shape: Shape<Options, unknown>,
): { args: readonly string[] | undefined; options: Options } {
  const args = Array.isArray(second) ? second : undefined
  const options = (args === undefined ? (second as Options | undefined) : third) ?? ({} as Options)
  checked(shape, options)
  return { args, options }
}
