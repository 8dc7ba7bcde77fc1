// `require('uveth/testing')`, by Node's own require, which loads ES modules. A runner with modules of its own (Jest) has
// another one here, which does not, in a context of its own; so Node's is asked for in the context around it.

const { runInThisContext } = require('node:vm')
const { createRequire } = runInThisContext("process.getBuiltinModule('node:module')")

module.exports = createRequire(__filename)('./dist/testing/index.js')
