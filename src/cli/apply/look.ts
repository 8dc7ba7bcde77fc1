// What there is of a lab: its namespaces, its pairs as the daemon has them, addresses as the kernel has them. Called by
// apply.ts; looks only. A namespace is a lab's when its loopback says so: names alone may be anybody's.

import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import type { EndView, PairView } from '../../contract/ops.js'
import { UvethError } from '../../errors.js'
import type { Present, PresentEnd } from '../../labs/file-actions.js'
import { type FileNode, type FilePlan, idsOf } from '../../labs/file-plan.js'
import {
  findNetns,
  inodeOfNetns,
  NETNS_DIRECTORY,
  pathOfName,
  pathOfPlace,
  placeOf,
} from '../../netns/names.js'
import { isNobody } from '../failure.js'
import type { Session } from '../session.js'

const run = promisify(execFile)

export interface Sight {
  readonly present: Present
  /** By node, as orders have it. */
  readonly places: ReadonlyMap<string, string | number>
}

/** In the alias of the loopback of a lab's namespace. */
export function markOf(lab: string): string {
  return `uveth lab ${lab}`
}

export async function look(session: Session, plan: FilePlan): Promise<Sight> {
  const namespaces = await namespacesOf(plan.name)
  const found = plan.nodes.map(async (node) => [node.name, await placeOfNode(session, node)] as const)
  const places = new Map(await Promise.all(found))
  const inodes = new Map([...places].map(([node, place]) => [node, inodeOfNetns(place)]))
  for (const { name, made, netns } of plan.nodes) {
    if (made !== undefined && inodes.get(name) !== undefined && !namespaces.includes(made))
      throw refusal(
        'EEXIST',
        `there is a namespace ${made} that is not of this lab: give node ${name} netns: ${made}`,
      )
    if (netns != null && inodes.get(name) === undefined)
      throw refusal('ENOENT', `node ${name}: there is no network namespace ${netns}`)
  }
  const pairs = (await pairsOf(session)).filter(({ id }) => id.startsWith(idsOf(plan.name)))
  const looked = pairs.map(async ({ id, queues, a, b }) => {
    const [one, other] = await Promise.all([a, b].map((end) => endOf(end, places, inodes)))
    return { id, queues, a: one as PresentEnd, b: other as PresentEnd }
  })
  return { present: { namespaces, places: inodes, pairs: await Promise.all(looked) }, places }
}

function refusal(code: string, sentence: string): UvethError {
  return new UvethError(`${code}: ${sentence}`, { code, attribute: 'file' })
}

async function placeOfNode(
  session: Session,
  { name, made, netns, container }: FileNode,
): Promise<string | number> {
  if (made !== undefined) return pathOfName(made)
  if (container !== undefined) return await findFor(name, `container:${container}`)
  if (netns != null) return await findFor(name, String(netns))
  const { netns: here } = session.globals
  return here === undefined ? process.pid : await findNetns(here)
}

/** Where there is a container engine, it may be that which does not know the word. */
async function findFor(node: string, text: string): Promise<string | number> {
  try {
    return await findNetns(text)
  } catch (error) {
    if (!(error instanceof UvethError)) throw error
    throw refusal(error.code, `node ${node}: ${error.message.replace(`${error.code}: `, '')}`)
  }
}

async function namespacesOf(lab: string): Promise<string[]> {
  let names: string[]
  try {
    names = readdirSync(NETNS_DIRECTORY).filter((name) => name.startsWith(`${lab}-`))
  } catch {
    return [] // nobody has made one yet
  }
  const marked = names.map(async (name) => {
    const said = await run('ip', ['-n', name, '-j', 'link', 'show', 'dev', 'lo']).catch(() => ({
      stdout: '[]',
    }))
    const [link] = JSON.parse(said.stdout) as { ifalias?: string }[]
    return link?.ifalias === markOf(lab) ? [name] : []
  })
  return (await Promise.all(marked)).flat()
}

async function pairsOf({ client }: Session): Promise<PairView[]> {
  return await client.call<PairView[]>('pair.list').catch((error: unknown) => {
    if (isNobody(error)) return []
    throw error
  })
}

async function endOf(end: EndView, places: Sight['places'], inodes: Present['places']): Promise<PresentEnd> {
  const [node] = [...inodes].find(([, inode]) => inode === end.netnsInode) ?? []
  // A tunnel has no interface that could be asked.
  const place = node === undefined || end.vxlan !== undefined ? undefined : placeOf(places.get(node) ?? null)
  const addresses = place ? await addressesOf(end.name, pathOfPlace(place)) : []
  return { ...end, inode: end.netnsInode, addresses }
}

async function addressesOf(name: string, path: string): Promise<string[]> {
  const { stdout } = await run('nsenter', [`--net=${path}`, 'ip', '-j', 'addr', 'show', 'dev', name])
  const [link] = JSON.parse(stdout) as { addr_info?: { local: string; prefixlen: number }[] }[]
  return (link?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`)
}
