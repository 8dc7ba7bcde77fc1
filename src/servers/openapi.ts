// What is checked of an operation's request, and what the OpenAPI document says of it: Fastify's schema, made
// from the tables (ops.ts, answers.ts). Pure; called by http.ts.

import { ANSWERS } from '../contract/answers.js'
import { bodyOf, queryOf } from '../contract/bodies.js'
import { type Op, type OpName, REFUSALS, WARNING_HEADER } from '../contract/ops.js'

export function schemaOf(name: OpName, op: Op): object {
  const body = bodyOf(name)
  const codes = [...new Set(op.refuses.map((code) => REFUSALS[code].status))].sort()
  const problems = codes.map((status) => {
    const meanings = [...new Set(op.refuses)].filter((code) => REFUSALS[code].status === status)
    const description = meanings.map((code) => `${code}: ${REFUSALS[code].meaning}`).join('; ')
    return [status, { description, content: { 'application/problem+json': { schema: PROBLEM } } }]
  })
  const answer = op.type === undefined ? ANSWERS[name] : { content: { [op.type]: { schema: BINARY } } }
  const success = {
    description: op.summary,
    ...(op.method !== 'GET' && { headers: { [WARNING_HEADER]: WARNING } }),
    ...(op.status === 204 ? { type: 'null' } : answer),
  }
  return {
    operationId: name,
    summary: op.summary,
    ...(op.path.includes('{ref}') && { params: op.path.includes('{id}') ? REF_AND_ID : REF }),
    ...(body && { body: body.schema }),
    ...(op.stream && { body: { content: { '*/*': { schema: { ...BINARY, description: op.stream } } } } }),
    querystring: queryOf(name).schema,
    response: { [op.status]: success, ...Object.fromEntries(problems) },
  }
}

const BINARY = { type: 'string', format: 'binary' } as const

const WARNING = {
  type: 'string',
  description: 'where not all is as it was wished for, though it is in force: why, percent-encoded',
} as const

const REF = {
  type: 'object',
  required: ['ref'],
  properties: { ref: { type: 'string', description: 'an interface, NAME@NETNS, an id or id:ID' } },
} as const

const REF_AND_ID = {
  type: 'object',
  required: ['ref', 'id'],
  properties: { ...REF.properties, id: { type: 'string', description: "a rule's number" } },
} as const

const PROBLEM = {
  type: 'object',
  properties: {
    ...Object.fromEntries(
      ['type', 'title', 'detail', 'code', 'syscall', 'hint', 'attribute'].map((key) => [
        key,
        { type: 'string' },
      ]),
    ),
    status: { type: 'integer' },
    errno: { type: 'integer' },
  },
} as const
