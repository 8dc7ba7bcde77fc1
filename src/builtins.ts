// node:fs and node:util for what every verb of the command loads. `import` reads each of a module's exports, those too
// that Node makes only when they are asked for (promises with all streams, readline, worker_threads): 5 ms for each of
// the two on Node 24, of the 60 that a verb may take to start. A leaf; elsewhere `import` is the way.

const { getBuiltinModule } = process

export const fs: typeof import('node:fs') = getBuiltinModule('node:fs')
export const util: typeof import('node:util') = getBuiltinModule('node:util')
