// The shapes that the benchmark's modules hand to each other. Types only; every module's JSDoc imports them.
// Values are plain numbers by metric key; a key that was not measured is absent, never 0.

/** A program that stays: stop() answers its exit code, or the signal that it died of. */
export interface Program {
  pid: number
  stop(): Promise<number | string>
  /** The last line that it wrote to stdout. */
  said(): string
  /** The tail of what it wrote to stderr. */
  complaint(): string
}

export interface CableEnd {
  name: string
  mac: string
}

/** One running pair: `a` in the left namespace, `b` in the right one. */
export interface Cable {
  /** The forwarder's process; undefined for the kernel's own pair. */
  pid: number | undefined
  a: CableEnd
  b: CableEnd
  /** Removes the pair; fails when something of it stays. What its forwarder says of itself at the end. */
  stop(): Promise<Values>
}

/** What can be named on the command line, and may be impossible on this machine. */
export interface Entry {
  name: string
  title: string
  /** Why it cannot take part here, or undefined. */
  missing(): string | undefined
}

export interface Contender extends Entry {
  start(): Promise<Cable>
}

/** How long and how much. Seconds unless the name says otherwise. */
export interface Extent {
  tcp: number
  udp: number
  frames: number
  roundTrips: number
  idle: number
  pairCount: number
  heapFrames: number
  kitTests: number
}

export interface Metric {
  key: string
  title: string
  unit: string
  digits: number
  /** Shown as multiples of the references as well. */
  ratios?: boolean
}

export type Values = Record<string, number>

export interface Measure extends Entry {
  /** Those that it makes sense for. */
  contenders: readonly string[]
  /** Whose medians the others are divided by in its tables. */
  references: readonly string[]
  /** A single long sample instead of alternating runs. */
  once?: boolean
  metrics: readonly Metric[]
  sample(contender: Contender, extent: Extent): Promise<Values>
}

interface Place {
  measure: string
  contender: string
  /** Counted from 1. */
  run: number
  at: string
  /** Percent of a core that other processes took meanwhile. */
  others_percent: number
}

export interface Sample extends Place {
  values: Values
}

export interface Failure extends Place {
  reason: string
}

export interface Machine {
  kernel: string
  cpu: string
  cores: number
  memory_mib: number
  node: string
  iproute2: string | null
  iperf3: string | null
  socat: string | null
  gcc: string | null
}

export interface Target {
  title: string
  measure: string
  metric: string
  /** Whose value is judged; absent: uveth's. */
  of?: string
  /** The contender that it is divided by; absent: the value itself is judged. */
  to?: string
  /** The other contender is divided by uveth instead. */
  inverse?: boolean
  bound: 'min' | 'max'
  limit: number
}

export interface Verdict {
  title: string
  bound: 'min' | 'max'
  limit: number
  value: number | undefined
  verdict: 'met' | 'not met' | 'not measured'
}

export interface Row {
  contender: string
  title: string
  count: number
  median: number | undefined
  min: number | undefined
  max: number | undefined
  /** Median over the median of each reference contender. */
  ratios?: Record<string, number | undefined>
}

export interface SummaryEntry {
  measure: string
  metric: string
  title: string
  unit: string
  digits: number
  references: readonly string[]
  rows: Row[]
}

/** What bench.mjs writes, as far as draw.mjs reads it. */
export interface Results {
  machine: Machine
  options: { runs: number }
  samples: Sample[]
  summary: SummaryEntry[]
  targets: Verdict[]
}
