// What `tc qdisc show` prints without `dev`: the real tc's text or JSON, with our qdiscs in the places of those that the
// kernel has on the same interfaces, as if it had ours. Called by the shim's front end. Pure.

/** Beside the root, for frames that come in. */
const INWARD = ['ingress', 'clsact']

interface Entry<T> {
  dev: string
  kind: string
  entry: T
}

/** `ours`: what is printed for each interface; one that the real tc does not know (a tunnel) comes behind. */
function withOurs<T>(theirs: readonly Entry<T>[], ours: ReadonlyMap<string, readonly T[]>): T[] {
  const left = new Map(ours)
  const all = theirs.flatMap(({ dev, kind, entry }) => {
    const own = left.get(dev) ?? []
    left.delete(dev)
    return ours.has(dev) && !INWARD.includes(kind) ? own : [...own, entry]
  })
  return [...all, ...[...left.values()].flat()]
}

/** `said`: by `tc -j qdisc show`. */
export function listObjects(said: string, ours: ReadonlyMap<string, readonly object[]>): string {
  const theirs = JSON.parse(said.trim() || '[]') as { dev: string; kind: string }[]
  return `${JSON.stringify(
    withOurs(
      theirs.map((entry) => ({ dev: entry.dev, kind: entry.kind, entry })),
      ours,
    ),
  )}\n`
}

/** A qdisc has a line, and perhaps more that are indented. */
export function listLines(said: string, ours: ReadonlyMap<string, readonly string[]>): string {
  const theirs = said.split(/^(?=qdisc )/m).map((entry) => {
    const [, kind = '', dev = ''] = /^qdisc (\S+) \S+ dev (\S+)/.exec(entry) ?? []
    return { dev, kind, entry }
  })
  return withOurs(theirs, ours).join('')
}
