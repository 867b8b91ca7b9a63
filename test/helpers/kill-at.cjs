'use strict'
// Preloaded into the built program: counts the operations that change files below a folder, and kills the program as kill -9
// does, before or after the n-th one. How many there were is noted by a program that comes to its end.
const fs = require('node:fs')

const { root, at, late, tally } = JSON.parse(process.env.TSM_KILL ?? '{}')
// Its children are not meant.
delete process.env.NODE_OPTIONS
delete process.env.TSM_KILL

const CHANGES = [
  'rename',
  'mkdir',
  'rm',
  'link',
  'symlink',
  'unlink',
  'writeFile',
  'copyFile',
  'mkdtemp',
  'chmod',
]
const { appendFileSync } = fs
let count = 0

const isBelow = (path) => typeof path === 'string' && path.startsWith(root)
const isChange = (name, [first, second]) =>
  (isBelow(first) || isBelow(second)) && (name !== 'open' || !['r', undefined].includes(second))

function strike(when) {
  if (count !== at || late !== when) return
  process.kill(process.pid, 'SIGKILL')
  // A signal to oneself comes with the next turn of the kernel: nothing of ours may run before.
  for (;;);
}

function watch(from, name, suffix) {
  const real = from[name + suffix]
  from[name + suffix] = (...args) => {
    if (!isChange(name, args)) return real.apply(from, args)
    count++
    strike(false)
    const result = real.apply(from, args)
    if (!(result instanceof Promise)) {
      strike(true)
      return result
    }
    const own = count
    return result.then((value) => {
      if (own === at) {
        count = at
        strike(true)
      }
      return value
    })
  }
}

for (const name of [...CHANGES, 'open']) {
  watch(fs.promises, name, '')
  watch(fs, name, 'Sync')
}
process.on('exit', () => appendFileSync(tally, `${count}\n`))
