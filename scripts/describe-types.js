#!/usr/bin/env node
// @ts-check
// Writes what the tables of wishes say of each attribute (`about`) into the types that they are built into, as
// comments, so that an editor shows the words of `EndOptions.mtu`: a type that is computed from a table has none of
// its own. The last step of build:ts; it reads dist/wishes/*.js and changes the .d.ts beside each.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** @typedef {{ description?: string, [key: string]: unknown }} Schema */

/**
 * The declarations of a module with comments; `shapes` is what the module exports. It relies on what tsc emits: one
 * property a line, four spaces deeper for each object.
 * @param {string} declarations
 * @param {Record<string, unknown>} shapes
 */
export function described(declarations, shapes) {
  /** @type {(Schema | undefined)[]} by depth: the schema that the properties of this depth belong to */
  let schemas = []
  return declarations
    .split('\n')
    .flatMap((line) => {
      const [, name] = /^export declare const (\w+)/.exec(line) ?? []
      if (name !== undefined) {
        schemas = [/** @type {{ schema?: Schema } | undefined} */ (shapes[name])?.schema]
        return [line]
      }
      const [, space = '', key = ''] = /^( {4,})(?:readonly )?(\w+)\??: /.exec(line) ?? []
      const depth = space.length / 4
      const schema = key === '' ? undefined : partOf(schemas[depth - 1], key)
      if (key !== '') schemas = [...schemas.slice(0, depth), schema]
      return schema?.description === undefined ? [line] : [`${space}/** ${schema.description} */`, line]
    })
    .join('\n')
}

/**
 * The schema of a key, wherever an object with it stands in `schema`.
 * @param {Schema | undefined} schema
 * @param {string} key
 * @returns {Schema | undefined}
 */
function partOf(schema, key) {
  const { properties, anyOf, oneOf, items } =
    /** @type {{ properties?: Record<string, Schema>, anyOf?: Schema[], oneOf?: Schema[], items?: Schema }} */ (
      schema ?? {}
    )
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key]
  for (const inner of [...(anyOf ?? []), ...(oneOf ?? []), ...(items ? [items] : [])]) {
    const found = partOf(inner, key)
    if (found !== undefined) return found
  }
  return undefined
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = new URL('../dist/wishes/', import.meta.url)
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.d.ts'))) {
    const at = new URL(file, folder)
    const shapes = await import(pathToFileURL(fileURLToPath(at).replace(/\.d\.ts$/, '.js')).href)
    writeFileSync(at, described(readFileSync(at, 'utf8'), shapes))
  }
}
