// The suites of tests, each a vitest project; scripts/test runs them one by one (container is for
// scripts/docker-test, which builds the images first), `npx vitest --project unit` runs one by hand.
// unit needs no root and imports the sources. kernel (assumptions about Linux) and integration need root;
// integration imports the built package by its own name, because vitest does not transform the entry of a
// worker thread, and the package starts some: run `npm run build` first.

import { defineConfig } from 'vitest/config'
import { measurePace } from './test/support/pace.js'

const seconds = 1000
const pace = measurePace()

const shared = {
  server: { deps: { external: [/\/dist\//, /\/native\//] } },
  // For what hangs. It must never be a busy machine that ends a test.
  testTimeout: 90 * seconds * pace,
  hookTimeout: 90 * seconds * pace,
  // Kernels, engines and neighbours on the machine have bad moments: in CI a test gets a second try, which is counted,
  // and named in the closing lines.
  retry: process.env.CI === 'true' ? 1 : 0,
}

export default defineConfig({
  test: {
    reporters: ['default', './test/support/reporter.ts'],
    // Two files at a time leave a quarter of two processors unused: most of them wait for processes and the kernel.
    maxWorkers: 3,
    teardownTimeout: 10 * seconds * pace,
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/{unit,fuzz}/**/*.test.ts'], pool: 'threads' } },
      // Its files are short and share nothing but modules; loading those for each was 300 s of 513 on an emulated kernel.
      {
        test: {
          ...shared,
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          pool: 'forks',
          isolate: false,
        },
      },
      { test: { ...shared, name: 'integration', include: ['test/integration/**/*.test.ts'], pool: 'forks' } },
      { test: { ...shared, name: 'container', include: ['test/container/**/*.test.ts'], pool: 'forks' } },
    ],
  },
})
