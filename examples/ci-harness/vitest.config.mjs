import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.mjs'],
    testTimeout: 30_000,
    // Who is not root runs them in a sandbox.
    globalSetup: ['uveth/testing/vitest-setup'],
  },
})
