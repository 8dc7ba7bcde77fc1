// `uveth/testing`: pairs in tests, for every test runner. Everything that users import stands here;
// vitest.ts adds what vitest can do more.

export { available } from './available.js'
export type { CarriedOptions, DroppedOptions } from './expectation.js'
export { lab } from './lab.js'
export type {
  CableOptions,
  Lab,
  LabCable,
  LabNode,
  LabNodes,
  LabOptions,
  LabTunnel,
  MakeLab,
  NodeInTest,
} from './lab-types.js'
export { assertCarried, assertDropped, matchers, type Observed, type PairMatchers } from './matchers.js'
export { type Observation, type ObserveOptions, observe } from './observation.js'
export type { TestEndOptions, WithPairOptions } from './options.js'
export {
  ExecError,
  type ExecOptions,
  type ExecResult,
  type RunningProgram,
  type SpawnOptions,
} from './program.js'
export type { Exec, NodeExec, NodeSpawn, Spawn } from './programs.js'
export { type PairContext, withPair } from './with-pair.js'
