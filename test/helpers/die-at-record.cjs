'use strict'
// Preloaded into the built program: ends it, as kill -9 does, before or after the n-th time that it replaces a machine's record.
const fs = require('node:fs')

const [nth, when] = (process.env.TSM_DIE_AT_RECORD ?? '').split(' ')
// Its children are not meant.
delete process.env.TSM_DIE_AT_RECORD
let count = 0

function die() {
  process.kill(process.pid, 'SIGKILL')
  // A signal to oneself comes with the next turn of the kernel: nothing of ours may run before.
  for (;;);
}

const { rename } = fs.promises
fs.promises.rename = async (from, to) => {
  if (!String(to).endsWith('/tsmachine.json')) return await rename(from, to)
  const isIt = ++count === Number(nth)
  if (isIt && when === 'before') die()
  await rename(from, to)
  if (isIt) die()
}
