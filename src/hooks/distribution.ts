// The shapes of random delays: quantile functions (inverse cumulative distribution functions) of netem's
// four distributions, and percentiles of the normal one. Used by delay.ts and slot.ts. Pure.
//
// A delay is mean + jitter * quantile(u), u uniform in [0, 1). netem looks quantiles up in tables of 4096
// entries that iproute2's netem/{normal,pareto,paretonormal}.c print as 16-bit numbers of 1/8192; these are
// the functions behind the tables, with the tables' end at +-4:
//   uniform       2u - 1                                 (no table: mean +- jitter)
//   normal        the standard normal quantile
//   pareto        ((1 - u)^(-1/a) - 3/2) * 4/3, a = 3    (mean 0)
//   paretonormal  (normal + 3 * pareto) / 4, at the same u
// A table of a user's own is looked up as netem does.

import { BURST } from '../frame/slab.js'
import type { Distribution } from '../wishes/names.js'
import type { DistributionTable } from '../wishes/tables.js'

/** One of the functions, or the numbers of a table. */
export type Quantiles = Distribution | Int16Array

export function quantilesOf(distribution: Distribution | DistributionTable): Quantiles {
  return typeof distribution === 'string' ? distribution : Int16Array.from(distribution.table)
}

/** NETEM_DIST_SCALE: a jitter, in a table. */
const SCALE = 8192
/** SHRT_MAX / NETEM_DIST_SCALE, about: where the tables end. */
const END = 4
/** Where the normal distribution reaches its table's lower end. */
const TAIL = 3.1671e-5

/** A burst's worth: paretonormal is made of two. Nothing stays here between two calls. */
const normals = new Float64Array(BURST)

/**
 * Turns the first `count` values (at most BURST), uniform in [0, 1), into quantiles. In place: see drawAll()
 * of random.ts.
 */
export function toQuantiles(distribution: Quantiles, values: Float64Array, count: number): void {
  if (typeof distribution === 'object') return lookUp(distribution, values, count)
  switch (distribution) {
    case 'uniform':
      for (let i = 0; i < count; i++) values[i] = 2 * values[i] - 1
      return
    case 'normal':
      return toNormal(values, count)
    case 'pareto':
      return toPareto(values, count)
    case 'paretonormal':
      for (let i = 0; i < count; i++) normals[i] = values[i]
      toNormal(normals, count)
      toPareto(values, count)
      for (let i = 0; i < count; i++) values[i] = (normals[i] + 3 * values[i]) / 4
  }
}

/** As netem: places of a table are equally likely, whatever their order. */
function lookUp(table: Int16Array, values: Float64Array, count: number): void {
  const last = table.length - 1
  for (let i = 0; i < count; i++) {
    values[i] = table[Math.min(last, Math.floor(values[i] * table.length))] / SCALE
  }
}

function toPareto(values: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    values[i] = Math.min(END, (1 / Math.cbrt(1 - values[i]) - 1.5) * (4 / 3))
  }
}

/**
 * Wichura's PPND7 (Algorithm AS 241, Applied Statistics 37, 1988), right to seven digits. Its part for the
 * outermost tails, beyond +-6, is left out: the table ends at 4.
 */
function toNormal(values: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const u = values[i]
    const q = u - 0.5
    if (u < TAIL) values[i] = -END
    else if (u > 1 - TAIL) values[i] = END
    else if (Math.abs(q) <= 0.425) {
      const r = 0.180625 - q * q
      const above = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
      const below = ((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1
      values[i] = (q * above) / below
    } else {
      const r = Math.sqrt(-Math.log(q < 0 ? u : 1 - u)) - 1.6
      const above = ((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777
      const below = (0.12021132975 * r + 0.7370016425) * r + 1
      values[i] = q < 0 ? -above / below : above / below
    }
  }
}

/**
 * The other way round: normal values become their percentiles, from 0 to 1. In place. Right to seven digits (Abramowitz
 * and Stegun: Handbook of Mathematical Functions, 26.2.17).
 */
export function toPercentiles(values: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const z = Math.abs(values[i])
    const t = 1 / (1 + 0.2316419 * z)
    const series =
      ((((1.330274429 * t - 1.821255978) * t + 1.781477937) * t - 0.356563782) * t + 0.31938153) * t
    const tail = series * Math.exp((-z * z) / 2) * 0.3989422804
    values[i] = values[i] < 0 ? tail : 1 - tail
  }
}
