// The page's way to its server: every request carries the token, which came behind the # of the address and stays in this
// tab. A refusal is a sentence. Knows no pair.

const KEY = 'uveth-token'
/** As the server makes it; the link to the panel is behind a #, too. */
const TOKEN = /^#[\w-]{43}$/

export class Refused extends Error {
  readonly status: number

  constructor(status: number, sentence: string) {
    super(sentence)
    this.status = status
  }
}

export function isTokenGiven(): boolean {
  return TOKEN.test(location.hash)
}

/** Out of the address, where it is not left: a picture of the screen, or a copied address, gives nothing away. */
export function takeToken(): void {
  if (!isTokenGiven()) return
  sessionStorage.setItem(KEY, location.hash.slice(1))
  history.replaceState(null, '', location.pathname)
}

export interface Sent {
  method?: string
  json?: object
  text?: string
  accept?: string
  signal?: AbortSignal
}

/** Throws Refused, with status 0 where the server itself does not answer. */
export async function ask(path: string, sent: Sent = {}): Promise<Response> {
  const { method = 'GET', json, text, accept, signal } = sent
  const headers: Record<string, string> = { authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ''}` }
  if (json !== undefined) headers['content-type'] = 'application/json'
  if (text !== undefined) headers['content-type'] = 'text/plain'
  if (accept !== undefined) headers.accept = accept
  let answer: Response
  try {
    const body = json === undefined ? (text ?? null) : JSON.stringify(json)
    answer = await fetch(path, { method, headers, body, signal: signal ?? null })
  } catch {
    throw new Refused(0, 'uveth web does not answer: it has ended')
  }
  if (!answer.ok) throw new Refused(answer.status, await sentenceOf(answer))
  return answer
}

export async function askJson<T>(path: string, sent: Sent = {}): Promise<T> {
  return (await (await ask(path, sent)).json()) as T
}

/** Without the code in front, which is for programs. */
async function sentenceOf(answer: Response): Promise<string> {
  try {
    const { detail } = (await answer.json()) as { detail: string }
    return detail.replace(/^[A-Z0-9]+: /, '')
  } catch {
    return `the answer was ${answer.status} ${answer.statusText}`
  }
}

/** A stream of JSON lines, until it ends. `heard` once it has begun. */
export async function listen(
  path: string,
  heard: () => void,
  tell: (line: Record<string, unknown>) => void,
): Promise<void> {
  const { body } = await ask(path)
  heard()
  if (body === null) return
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) tell(JSON.parse(line) as Record<string, unknown>)
  }
}
