// UVETH_FALLBACK as src/link/fallback.ts reads it: names, separated by commas. It is read once, when the
// module is loaded, so each case loads it anew. What each fall-back does is shown by the integration tests,
// which set the variable for a whole program.

import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.resetModules()
})

async function forcedBy(value: string | undefined): Promise<string[]> {
  vi.stubEnv('UVETH_FALLBACK', value)
  vi.resetModules()
  const { fallbackForced } = await import('../../../src/link/fallback.js')
  return (['no-carrier', 'uso', 'nudge', 'all-nsid'] as const).filter(fallbackForced)
}

test.each<[string | undefined, string[]]>([
  [undefined, []],
  ['', []],
  ['uso', ['uso']],
  ['no-carrier,nudge', ['no-carrier', 'nudge']],
  [' all-nsid , uso ', ['uso', 'all-nsid']],
  ['nonsense', []],
])('%j forces %j', async (value, forced) => {
  expect(await forcedBy(value)).toEqual(forced)
})
