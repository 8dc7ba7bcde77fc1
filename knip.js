// What is used by nothing. Run by scripts/test twice: `knip` over everything, and `knip --production` without
// the tests, which finds what only they use. There an export that its own file uses is there for its test.
export default {
  entry: [
    'src/**/{thread,worker}.ts!',
    'src/page/main.ts!',
    'scripts/*.js',
    'test/bench/*.mjs',
    'test/faults/{faults,looks}.mjs',
    'test/guest/table.mjs',
    'test/netem/{compare,measure}.mjs',
    'test/support/smoke.mjs',
    'test/unit/support/fixture/*.ts',
    'test/integration/fixtures/**/*.{mjs,ts}',
  ],
  project: ['src/**/*.ts!', 'test/**/*.{ts,mjs}', 'scripts/**/*.js'],
  exclude: ['binaries'],
  // Of fastify's: held at a version that Node 20 may install. Of an example: who tries it installs it.
  ignoreDependencies: ['light-my-request', 'testcontainers'],
  ignoreExportsUsedInFile: process.argv.includes('--production'),
}
