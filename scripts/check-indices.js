#!/usr/bin/env node
// @ts-check
// Finds what is taken out of an array or a record and used without asking whether it is there: tsc with
// noUncheckedIndexedAccess, which the build does without. scripts/test runs it, with the configurations given as
// arguments. In the rooms that work on frames, numbers out of an array are passed over: nearly all of their arrays
// are typed arrays of a fixed length, every finding in one was answered with a cast (190 of them), and a cast hides
// what it stands on. What is no number is looked at there, too.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const TSC = fileURLToPath(new URL('../node_modules/typescript/lib/tsc.js', import.meta.url))
const ROOMS = /(^|\/)src\/(datapath|hooks|frame|ring)\//
const FINDING = /^(.+)\((\d+),(\d+)\): error TS(\d+): (.*)$/

/**
 * @param {string} message what tsc says
 * @param {string} rest the line of source from the place that it is said of
 * @returns {boolean} a number is meant
 */
function isNumber(message, rest) {
  if (message.includes('possibly')) return !/^[.(]/.test(behind(rest))
  return (
    message.includes("'number | undefined'") ||
    message.startsWith("Type 'undefined' cannot be used as an index")
  )
}

/** @param {string} text begins with `name`, `this.#name[…][…]` … @returns {string} what follows the last bracket, or the name */
function behind(text) {
  let rest = text.replace(/^[\w#.]*\w/, '')
  while (rest.startsWith('[')) {
    let depth = 0
    let at = 0
    do {
      if (rest[at] === '[') depth++
      if (rest[at] === ']') depth--
      at++
    } while (depth > 0 && at < rest.length)
    rest = rest.slice(at)
  }
  return rest
}

/**
 * @param {string} output of tsc, not pretty
 * @param {(file: string) => string} read
 * @returns {string[]} the findings that count
 */
function findings(output, read) {
  return output.split('\n').filter((line) => {
    const [, file, row, column, , message] = FINDING.exec(line) ?? []
    if (file === undefined || message === undefined) return false
    if (!ROOMS.test(file)) return true
    const source = read(file).split('\n')[Number(row) - 1] ?? ''
    return !isNumber(message, source.slice(Number(column) - 1))
  })
}

/**
 * @param {string} project a tsconfig.json
 * @returns {Promise<string[]>} the findings that count
 */
export async function check(project) {
  const options = ['-p', project, '--noEmit', '--pretty', 'false', '--noUncheckedIndexedAccess']
  const run = promisify(execFile)(process.execPath, [TSC, ...options], { maxBuffer: 2 ** 26 })
  const { stdout } = await run.catch((/** @type {{ stdout: string }} */ failure) => failure)
  return findings(stdout, (file) => readFileSync(file, 'utf8'))
}

async function main() {
  const found = (await Promise.all(process.argv.slice(2).map(check))).flat()
  for (const line of new Set(found)) console.error(line)
  process.exitCode = found.length === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
