// Where everything stands in the picture: namespaces, and other hosts, as boxes in columns, their ends as rows, cables
// from plug to plug. Pure: views in, numbers out; the same pairs give the same picture. picture.ts draws it.

import { type EndView, type PairView, placeKey, placeOf, plugName, SIDES, type Side } from './views.js'

interface Plug {
  id: string
  side: Side
  name: string
  x: number
  y: number
  /** Which way its cable leaves. */
  facing: 'left' | 'right'
}
interface Box {
  name: string
  /** Another host, and no namespace of this one. */
  far: boolean
  x: number
  y: number
  width: number
  height: number
  plugs: Plug[]
}
export interface Cable {
  id: string
  from: Plug
  to: Plug
  /** Of an SVG path, from a to b. */
  path: string
  middle: { x: number; y: number }
}
export interface Layout {
  width: number
  height: number
  boxes: Box[]
  cables: Cable[]
}

const WIDTH = 124
const HEAD = 28
const ROW = 24
const FOOT = 8
/** Between boxes of a column. */
const GAP = 16
const MARGIN = 16
/** Between columns: room for a cable. */
const WIDEST = 220
const NARROWEST = 60
/** How far a cable of one box, or one column, leaves it. */
const LOOP = 48
/** How often columns are put in order by their neighbours. */
const SWEEPS = 4

interface Place {
  name: string
  far: boolean
  ends: { id: string; side: Side; name: string; peer: Place }[]
  column: number
  /** In its column: where its neighbours stand. */
  rank: number
}

/** `room`: px that there are for its width, if it can be made to fit. */
export function layoutOf(pairs: readonly PairView[], room = Number.POSITIVE_INFINITY): Layout {
  const places = placesOf(pairs)
  const columns = columnsOf(places)
  for (let sweep = 0; sweep < SWEEPS; sweep++) for (const column of columns) order(column)
  const heights = columns.map((column) => column.reduce((sum, place) => sum + heightOf(place) + GAP, -GAP))
  const tallest = Math.max(0, ...heights)
  const loops = pairs.some(({ a, b }) => placeKey(a) === placeKey(b)) ? LOOP : 0
  const between = Math.floor((room - 2 * MARGIN - loops - columns.length * WIDTH) / (columns.length - 1))
  const step = WIDTH + Math.min(WIDEST, Math.max(NARROWEST, between || 0))
  const boxes = columns.flatMap((column, at) => {
    let y = MARGIN + (tallest - (heights[at] ?? 0)) / 2
    return column.map((place) => {
      const box = boxOf(place, MARGIN + at * step, y)
      y += box.height + GAP
      return box
    })
  })
  const plugs = new Map(boxes.flatMap((box) => box.plugs.map((plug) => [`${plug.side} ${plug.id}`, plug])))
  const cables = pairs.map(({ id }) =>
    cableOf(id, plugs.get(`a ${id}`) as Plug, plugs.get(`b ${id}`) as Plug),
  )
  const width = 2 * MARGIN + loops + WIDTH + Math.max(0, columns.length - 1) * step
  return { width, height: tallest + 2 * MARGIN, boxes, cables }
}

function placesOf(pairs: readonly PairView[]): Place[] {
  const places = new Map<string, Place>()
  const at = (end: EndView) => {
    const key = placeKey(end)
    const made = { name: placeOf(end), far: end.vxlan !== undefined, ends: [], column: 0, rank: 0 }
    const place = places.get(key) ?? made
    places.set(key, place)
    return place
  }
  for (const pair of pairs) {
    const both = { a: at(pair.a), b: at(pair.b) }
    for (const side of SIDES)
      both[side].ends.push({
        id: pair.id,
        side,
        name: plugName(pair[side]),
        peer: both[side === 'a' ? 'b' : 'a'],
      })
  }
  return [...places.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
}

/** Each that are connected begin at the first column. */
function columnsOf(places: readonly Place[]): Place[][] {
  const columns: Place[][] = []
  const seen = new Set<Place>()
  for (const busiest of [...places].sort((one, other) => other.ends.length - one.ends.length)) {
    if (seen.has(busiest)) continue
    for (const [at, column] of lineOf(busiest).entries()) {
      columns[at] = [...(columns[at] ?? []), ...column]
      for (const place of column) seen.add(place)
    }
  }
  for (const [at, column] of columns.entries())
    for (const [rank, place] of column.entries()) Object.assign(place, { column: at, rank })
  return columns
}

/** A star has its middle in the middle; what is longer begins at one of its ends. */
function lineOf(busiest: Place): Place[][] {
  const rings = ringsOf(busiest)
  const [middle = [], around = []] = rings
  const half = Math.floor(around.length / 2)
  if (rings.length === 2 && half > 0) return [around.slice(0, half), middle, around.slice(half)]
  return forwards(rings.length < 3 ? rings : ringsOf(rings.at(-1)?.[0] ?? busiest))
}

/** With more of the ends a on the left. */
function forwards(line: Place[][]): Place[][] {
  const at = (place: Place) => line.findIndex((column) => column.includes(place))
  const ends = line
    .flat()
    .flatMap((place) => place.ends.map(({ side, peer }) => ({ side, by: at(peer) - at(place) })))
  const sum = ends.reduce((all, { side, by }) => all + (side === 'a' ? Math.sign(by) : 0), 0)
  return sum < 0 ? line.reverse() : line
}

/** By their distance from `root`. */
function ringsOf(root: Place): Place[][] {
  const rings: Place[][] = []
  const seen = new Set([root])
  for (let ring = [root]; ring.length > 0; ) {
    rings.push(ring)
    const peers = ring.flatMap(({ ends }) => ends.map(({ peer }) => peer))
    ring = [...new Set(peers)].filter((peer) => !seen.has(peer))
    for (const place of ring) seen.add(place)
  }
  return rings
}

/** Boxes beside their neighbours, and ends in the order of their peers, so that few cables cross. */
function order(column: Place[]): void {
  const weight = (place: Place) => {
    const others = place.ends.filter(({ peer }) => peer.column !== place.column)
    if (others.length === 0) return place.rank
    return others.reduce((sum, { peer }) => sum + peer.rank, 0) / others.length
  }
  const weights = new Map(column.map((place) => [place, weight(place)]))
  column.sort((one, other) => (weights.get(one) ?? 0) - (weights.get(other) ?? 0))
  for (const [rank, place] of column.entries()) place.rank = rank
  for (const { ends } of column)
    ends.sort((one, other) => one.peer.rank - other.peer.rank || compare(one, other))
}

function compare(one: { id: string; side: Side }, other: { id: string; side: Side }): number {
  if (one.id === other.id) return one.side < other.side ? -1 : 1
  return one.id < other.id ? -1 : 1
}

function heightOf({ ends }: Place): number {
  return HEAD + ends.length * ROW + FOOT
}

function boxOf(place: Place, x: number, y: number): Box {
  const plugs = place.ends.map(({ id, side, name, peer }, row): Plug => {
    const facing = peer.column < place.column ? 'left' : 'right'
    return { id, side, name, x: facing === 'left' ? x : x + WIDTH, y: y + HEAD + (row + 0.5) * ROW, facing }
  })
  return { name: place.name, far: place.far, x, y, width: WIDTH, height: heightOf(place), plugs }
}

function cableOf(id: string, from: Plug, to: Plug): Cable {
  const reach = (plug: Plug, by: number) => plug.x + (plug.facing === 'left' ? -by : by)
  const by = from.facing === to.facing ? LOOP : Math.abs(from.x - to.x) / 2
  const [c1, c2] = [reach(from, by), reach(to, by)]
  // A cubic's middle, by its four points.
  const middle = { x: (from.x + 3 * c1 + 3 * c2 + to.x) / 8, y: (from.y + to.y) / 2 }
  return { id, from, to, path: `M${from.x} ${from.y}C${c1} ${from.y} ${c2} ${to.y} ${to.x} ${to.y}`, middle }
}
