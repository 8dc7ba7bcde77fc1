// Refusals as problem documents (RFC 9457): what every answer that is not a success carries. Pure;
// called by http.ts. A document has the fields of a UvethError, so a client can make one of it again.

import { STATUS_CODES } from 'node:http'
import { REFUSALS, type Refusal } from '../contract/ops.js'
import { errnoOf, UvethError } from '../errors.js'

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

export interface Problem {
  type: 'about:blank'
  title: string
  status: number
  detail: string
  code: string
  errno?: number | undefined
  syscall?: string | undefined
  hint?: string | undefined
  attribute?: string | undefined
}

/** What Fastify throws. */
interface FrameworkError extends Error {
  statusCode?: number
}

/** Codes for refusals of HTTP's own. */
const CODES: Record<number, string> = {
  400: 'EBADMSG',
  404: 'ENOENT',
  405: 'EOPNOTSUPP',
  408: 'ETIMEDOUT',
  413: 'E2BIG',
  414: 'E2BIG',
  415: 'EINVAL',
  422: 'EINVAL',
  431: 'E2BIG',
  503: 'ESHUTDOWN',
}

export function problem(status: number, detail: string, fields: Partial<Problem> = {}): Problem {
  const code = fields.code ?? CODES[status] ?? 'EIO'
  const title = STATUS_CODES[status] ?? 'Error'
  return { type: 'about:blank', title, status, detail, ...fields, code, errno: fields.errno ?? errnoOf(code) }
}

/** A whole answer, for a connection that has no request: it ends. */
export function rawAnswer(document: Problem): string {
  const text = JSON.stringify(document)
  const head = `HTTP/1.1 ${document.status} ${document.title}\r\ncontent-type: ${PROBLEM_TYPE}`
  return `${head}\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

/** The document for whatever was thrown; status 500 is for what nobody expected. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof UvethError) {
    const { message, code, errno, syscall, hint, attribute } = thrown
    return problem(statusOf(thrown), message, {
      code,
      errno,
      syscall,
      hint,
      attribute: attribute || undefined,
    })
  }
  const error = thrown as FrameworkError
  const status = error.statusCode ?? 500
  return problem(status, status < 500 ? error.message : 'internal error; the log has it')
}

function statusOf({ code, syscall }: UvethError): number {
  const known = REFUSALS[code as Refusal]
  if (known !== undefined) return known.status
  // Whatever else the kernel says about an order is about that order.
  return syscall === undefined ? 500 : 422
}
