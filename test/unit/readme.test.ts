// The JSON that the README shows is what the daemon takes, by the OpenAPI document that it serves.

import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { OPS, type OpName } from '../../src/contract/ops.js'
import { schemaOf } from '../../src/servers/openapi.js'

const CURL = /curl [^\n]*?-X (\w+) http:\/\/uveth(\/\S+)(?:[^\n]*\\\n)*[^\n]* -d '(\{.*\})'/g
const examples = [...readFileSync('README.md', 'utf8').matchAll(CURL)].map(
  ([, method = '', path = '', body = '']) => [method, path, body] as const,
)

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(0)
})

test.each(examples)('%s %s %s', (method, path, body) => {
  const fits = (pattern: string) => new RegExp(`^${pattern.replace(/[:{]\w+}?/g, '[^/]+')}$`)
  const names = Object.keys(OPS) as OpName[]
  const name = names.find((each) => OPS[each].method === method && fits(OPS[each].path).test(path))
  const schema = schemaOf(name as OpName, OPS[name as OpName]) as { body: object }
  const validate = new Ajv2020({ strict: false }).compile(schema.body)
  expect(validate(JSON.parse(body)), JSON.stringify(validate.errors)).toBe(true)
})
