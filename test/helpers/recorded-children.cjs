/* Loaded first by the program (NODE_OPTIONS): appends file, words and names of variables of each child that it starts. */
const { appendFileSync } = require('node:fs')
const childProcess = require('node:child_process')

const path = process.env.TSMACHINE_TEST_CHILDREN
const note = (args, env) => {
  const variables = (env ?? []).map((each) => each.split('=', 1)[0])
  if (path) appendFileSync(path, `${JSON.stringify({ args, variables })}\n`)
}

const { spawn } = childProcess.ChildProcess.prototype
childProcess.ChildProcess.prototype.spawn = function (options) {
  note([options.file, ...(options.args ?? []).slice(1)], options.envPairs)
  return spawn.call(this, options)
}
for (const name of ['spawnSync', 'execFileSync', 'execSync']) {
  const original = childProcess[name]
  childProcess[name] = function (file, ...rest) {
    note([file, ...(Array.isArray(rest[0]) ? rest[0] : [])])
    return original.call(this, file, ...rest)
  }
}
