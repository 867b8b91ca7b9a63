import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { endLeftovers } from '../../../tools/leftovers.js'

/** A process with a run's folder in its command line. */
function start(t: Test, folder: string, script = 'read _'): ChildProcess {
  const child = spawn('/bin/sh', ['-c', script, folder], { stdio: ['pipe', 'ignore', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test('what names a folder of the run is ended and told, and nothing else', async (t) => {
  const mine = start(t, '/tmp/tsm-user-7a7-AbCdEf/store')
  const other = start(t, '/tmp/tsm-user-7a7b-AbCdEf/store')
  const ended = once(mine, 'exit')
  const left = await endLeftovers('7a7', 10)
  t.strictSame(left, [{ pid: mine.pid, command: '/bin/sh -c read _ /tmp/tsm-user-7a7-AbCdEf/store' }])
  t.strictSame(await ended, [null, 'SIGKILL'])
  t.equal(other.exitCode ?? other.signalCode, null, "another run's process goes on")
  t.strictSame(await endLeftovers('7a7', 10), [])
})

t.test('a process that is on its way out is no leftover', async (t) => {
  start(t, '/tmp/tsm-vm-7a8-AbCdEf', 'sleep 0.3; :')
  t.strictSame(await endLeftovers('7a8', 1_500), [])
})
