// `uveth apply FILE` and `uveth destroy FILE`: what there is becomes what a file describes, or goes away. The file is
// read (yaml-file.ts), the machine looked at (look.ts), the difference made (labs/file-actions.ts) and carried out here, an
// order to the daemon each, in the order of the list.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { UvethError } from '../../errors.js'
import { applyActions, destroyActions, type FileAction } from '../../labs/file-actions.js'
import { type FileEnd, type FilePlan, planFile } from '../../labs/file-plan.js'
import { inodeOfNetns, showInode } from '../../netns/names.js'
import { LAB_FILE } from '../../wishes/lab-file.js'
import { withDaemon } from '../link/link.js'
import { APPLY, DESTROY } from '../options.js'
import { type Session, write } from '../session.js'
import { parseVerb, UsageError } from '../usage.js'
import { readYaml } from '../yaml-file.js'
import { look, markOf, type Sight } from './look.js'

const run = promisify(execFile)

export async function apply(session: Session, words: string[]): Promise<number> {
  const { values, positionals } = parseVerb('apply', words, APPLY)
  if (values.help) return await help('APPLY_HELP')
  if (values.schema) {
    write(
      `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...LAB_FILE.schema }, null, 2)}\n`,
    )
    return 0
  }
  const plan = await readYaml(fileOf('apply', positionals), planFile)
  const sight = await look(session, plan)
  return await all(session, plan, sight, applyActions(plan, sight.present), values['dry-run'])
}

export async function destroy(session: Session, words: string[]): Promise<number> {
  const { values, positionals } = parseVerb('destroy', words, DESTROY)
  if (values.help) return await help('DESTROY_HELP')
  const plan = await readYaml(fileOf('destroy', positionals), planFile)
  const { name } = plan
  // Its nodes may be gone: what the lab has made is known without them.
  const sight = await look(session, { name, nodes: [], links: [] })
  return await all(session, plan, sight, destroyActions(sight.present), values['dry-run'])
}

async function help(name: 'APPLY_HELP' | 'DESTROY_HELP'): Promise<number> {
  write((await import('../help.js'))[name])
  return 0
}

function fileOf(verb: string, [path, ...rest]: string[]): string {
  if (path === undefined || rest.length > 0) throw new UsageError(`give a file: uveth ${verb} lab.yaml`)
  return path
}

/** Each is told when it is done. */
async function all(
  session: Session,
  { name }: FilePlan,
  { places }: Sight,
  actions: readonly FileAction[],
  dry = false,
): Promise<number> {
  if (actions.length === 0) write('nothing to do\n')
  for (const action of actions) {
    if (!dry) await carryOut(session, action, name, places)
    write(`${action.line}\n`)
  }
  return 0
}

async function carryOut(
  session: Session,
  action: FileAction,
  lab: string,
  places: Sight['places'],
): Promise<void> {
  const { client } = session
  switch (action.do) {
    case 'netns.add':
      return await addNetns(action.netns, markOf(lab))
    case 'netns.del':
      return await ip('netns', 'del', action.netns)
    case 'pair.del':
      return await client.call('pair.del', { ref: `id:${action.id}` })
    case 'pair.add': {
      const { id, queues, a, b } = action.link
      const body = { id, queues, a: wishOf(a, places), b: wishOf(b, places) }
      await withDaemon(
        session,
        async () => {},
        () => client.call('pair.add', { body }),
      )
      return
    }
    case 'end.set': {
      const { node, ...change } = action.change
      const moved = node === undefined ? {} : { netns: places.get(node) }
      const body = { [action.side]: { ...change, ...moved } }
      return await client.call('pair.set', { ref: `id:${action.id}`, body })
    }
    case 'impair': {
      const ref = refOf(action.end, places)
      return await (action.impair === null
        ? client.call<void>('impair.del', { ref })
        : client.call<void>('impair.set', { ref, body: action.impair }))
    }
    case 'schedule': {
      const ref = refOf(action.end, places)
      return await (action.schedule === null
        ? client.call<void>('schedule.del', { ref })
        : client.call<void>('schedule.set', { ref, body: action.schedule }))
    }
    case 'rules': {
      const ref = refOf(action.end, places)
      await client.call('rule.clear', { ref })
      for (const body of action.rules) await client.call('rule.add', { ref, body })
    }
  }
}

function wishOf({ node, impair, schedule, vxlan, ...wish }: FileEnd, places: Sight['places']): object {
  const timed = schedule !== null && { schedule }
  if (vxlan !== undefined) return { vxlan, rules: wish.rules, ...(impair !== null && { impair }), ...timed }
  return { ...wish, netns: places.get(node), ...(impair !== null && { impair }), ...timed }
}

function refOf({ node, name, vxlan }: FileEnd, places: Sight['places']): string {
  if (vxlan !== undefined) return name
  return `${name}@${showInode(inodeOfNetns(places.get(node)) ?? 0)}`
}

/** Without the mark it would be nobody's, and in the way of the next try. */
async function addNetns(name: string, mark: string): Promise<void> {
  await ip('netns', 'add', name)
  try {
    await ip('-n', name, 'link', 'set', 'dev', 'lo', 'up', 'alias', mark)
  } catch (error) {
    await ip('netns', 'del', name).catch(() => {}) // the first reason is the one to tell
    throw error
  }
}

async function ip(...words: string[]): Promise<void> {
  try {
    await run('ip', words)
  } catch (error) {
    const [why = ''] = ((error as { stderr?: string }).stderr || String(error)).trim().split('\n')
    throw new UvethError(`EPERM: 'ip ${words.join(' ')}': ${why}`, { code: 'EPERM', syscall: 'ip' })
  }
}
