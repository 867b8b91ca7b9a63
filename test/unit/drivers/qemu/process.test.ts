import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isRunning, startDetached } from '../../../../src/drivers/qemu/process.js'
import { processStart } from '../../../../src/util/process.js'

const MARK = 'the-mark-of-this-process'
const EXECS = 2_000

t.test(
  'a process that becomes another program again and again runs all the time, whoever has its arguments',
  async (t) => {
    const dir = t.testdir()
    const script = join(dir, 'becomes')
    writeFileSync(script, '#!/bin/sh\n[ "$1" = 0 ] || exec "$0" $(($1 - 1)) "$2"\nsleep 60\n', {
      mode: 0o755,
    })
    const vm = await startDetached(script, [String(EXECS), MARK], join(dir, 'log'))
    let misses = 0
    const end = Date.now() + 1_000
    while (Date.now() < end) if (!isRunning(vm, MARK)) misses += 1
    while (isRunning(vm, 'another mark')) await new Promise((done) => setImmediate(done))
    const other = isRunning({ ...vm, startTime: '1' }, MARK)
    // Before the folder goes, with the script that the process becomes.
    process.kill(-vm.pid, 'SIGKILL')
    t.equal(misses, 0, 'it runs all the time')
    t.notOk(other, 'another start is another process')
  },
)

t.test('a process that has ended does not run, also before anybody has asked for its status', async (t) => {
  const dir = t.testdir()
  const vm = await startDetached('/bin/true', [MARK], join(dir, 'log'))
  while (isRunning(vm, MARK)) await new Promise((done) => setImmediate(done))
  t.equal(processStart(vm.pid), undefined)
})
