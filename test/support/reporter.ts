// A vitest reporter that writes what scripts/test adds up: the JSON file named by UVETH_TEST_SUMMARY gets
// { passed, failed, skipped: { [reason]: count }, failures: [names], flaky: [names] }. It prints nothing; vitest's
// own reporter runs beside it.
// What could not run counts as failed: a file that does not load, a hook that throws, an error outside of
// any test, a test that was never reached. Only a test that says why may be skipped with a reason.

import { writeFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'

export interface Summary {
  passed: number
  failed: number
  skipped: Record<string, number>
  /** What failed, by name; the closing lines of a long log repeat it. */
  failures: string[]
  /** What passed at the second try only. */
  flaky: string[]
}

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const path = process.env.UVETH_TEST_SUMMARY
    if (path) writeFileSync(path, JSON.stringify(summarize(modules, unhandled.length)))
  }
}

export function summarize(modules: readonly TestModule[], errorsOutsideTests: number): Summary {
  const sum: Summary = { passed: 0, failed: 0, skipped: {}, failures: [], flaky: [] }
  for (let error = 0; error < errorsOutsideTests; error++) fail(sum, 'an error outside of any test')
  for (const module of modules) {
    if (module.errors().length > 0) fail(sum, module.relativeModuleId)
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) fail(sum, `${module.relativeModuleId} > ${suite.fullName}`)
    }
    for (const test of module.children.allTests()) count(test, sum)
  }
  return sum
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`
}

function fail(sum: Summary, name: string): void {
  sum.failed += 1
  sum.failures.push(name)
}

function count(test: TestCase, sum: Summary): void {
  const result = test.result()
  if (result.state === 'passed') {
    sum.passed += 1
    if (test.diagnostic()?.flaky) sum.flaky.push(nameOf(test))
  } else if (result.state !== 'skipped' || neverReached(test, result.note)) fail(sum, nameOf(test))
  else {
    const reason = result.note ?? reasonOf(test)
    sum.skipped[reason] = (sum.skipped[reason] ?? 0) + 1
  }
}

// vitest calls a test skipped, too, when a hook before it has failed.
function neverReached(test: TestCase, note: string | undefined): boolean {
  return note === undefined && test.options.mode === 'run'
}

// The reason stands in the name of the test or of a suite around it: see skip.ts.
function reasonOf(test: TestCase): string {
  let at: TestCase | TestSuite | TestModule = test
  while (at.type !== 'module') {
    const reason = /\[skipped: (.+)\]/.exec(at.name)?.[1]
    if (reason) return reason
    at = at.parent
  }
  return 'no reason given'
}
