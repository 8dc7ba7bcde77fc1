// What the page orders, made into what the daemon is sent: impairments may also be given and read as words of netem,
// and refusals call an attribute by its word. Of a pair the page changes carrier and nothing else. Called by server.ts,
// for what gate.ts has let through.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ErrorFields, invalid, renamed, UvethError } from '../errors.js'
import { formatImpair, impairWord, parseImpairWords } from '../faults/impair-words.js'
import type { ImpairPlan } from '../index.js'
import { problemOf } from '../servers/problem.js'
import { type Daemon, gone, jsonOf, pass, refuse, textOf } from './forward.js'
import type { Order } from './gate.js'

/** Bytes of a body. */
const LONGEST = 64 << 10
const WORDS = 'text/plain'

export async function giveOrder(
  name: Order,
  request: IncomingMessage,
  response: ServerResponse,
  daemon: Daemon,
): Promise<void> {
  const { method = '', url = '', headers } = request
  const [path = ''] = url.split('?')
  const body = checked(name, await textOf(request, LONGEST), headers['content-type'])
  let answer: IncomingMessage
  try {
    answer = await daemon.ask({ method, path, body, alone: name === 'events' })
  } catch (error) {
    return refuse(response, gone(error))
  }
  const { statusCode = 502 } = answer
  if (name === 'impair.get' && headers.accept === WORDS && statusCode === 200)
    return sayWords(JSON.parse(await textOf(answer)) as ImpairPlan | null, response)
  if (name.startsWith('impair.') && statusCode >= 400)
    return refuse(response, problemOf(renamed(refusalIn(await textOf(answer)), wordOf)))
  pass(answer, response)
}

/** What is sent on; throws a refusal. */
function checked(name: Order, text: string, type = ''): string | undefined {
  if (text === '') return undefined
  // Without a way to read files: what a page names is none of this machine's.
  if (name === 'impair.set' && type.startsWith(WORDS))
    return JSON.stringify(parseImpairWords(text.split(/\s+/).filter((word) => word !== '')))
  if (name === 'pair.set') {
    const others = Object.keys(jsonOf(text)).filter((key) => key !== 'carrier')
    if (others.length > 0) throw invalid(`only carrier can be changed here, not ${others.join(', ')}`)
  }
  return text
}

function sayWords(plan: ImpairPlan | null, response: ServerResponse): void {
  response.setHeader('content-type', `${WORDS}; charset=utf-8`)
  response.end(plan === null ? '' : formatImpair(plan))
}

function refusalIn(text: string): UvethError {
  const { detail, ...fields } = JSON.parse(text) as ErrorFields & { detail: string }
  return new UvethError(detail, fields)
}

function wordOf(attribute: string): string {
  return impairWord(attribute.replace(/^impair\./, ''))
}
