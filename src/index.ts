// The public API. Everything that users import stands here.

export type { Cause } from './datapath/counters.js'
export { End } from './end.js'
export { type ErrorFields, UvethError } from './errors.js'
export { configure } from './link/client.js'
export type { CarrierMode, ClosedReason } from './link/protocol.js'
export type { EndOptions, EndSettings, Logger, Netns, PairOptions } from './options.js'
export { createPair, Pair, type PairEvents } from './pair.js'
export type { EndCounters, EndStats, InterfaceCounters, PairCounters, PairStats } from './stats.js'
