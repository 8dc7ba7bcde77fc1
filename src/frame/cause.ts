// Why a frame was dropped: the words that counters, captures and statistics share. A leaf.

/** In the order of the words of a block of counters (datapath/counters.ts). */
export const CAUSES = [
  /** carrier was off: it was read, and thrown away */
  'carrier',
  /** the peer was not up when it was written (EIO): the moment before carrier follows */
  'down',
  /** longer than the peer's MTU allows */
  'mtu',
  /** the kernel refused it for another reason */
  'error',
  /** an impairment's loss */
  'loss',
  /** more frames held than an impairment's limit */
  'limit',
  /** a rule: drop(match) */
  'rule',
  /** a user's hook */
  'hook',
  /** it came through a tunnel from another address than the named one */
  'foreign',
  /** ... too short for a frame, or without a network identifier */
  'malformed',
  /** ... for another network than the tunnel's */
  'vni',
] as const
export type Cause = (typeof CAUSES)[number]

/** Also what the data path never met: the end's own queue in the kernel was full, since our worker came late. */
export type AnyCause = Cause | 'queue'

/** A verdict: pass, or 1 + the index of a cause. */
export const PASS = 0

/** The verdict for each cause. */
export const DROPPED = Object.fromEntries(CAUSES.map((cause, index) => [cause, index + 1])) as Record<
  Cause,
  number
>
