import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../../image-build/exec.js'
import { scratchDir } from '../../helpers/driver-deps.js'
import { poll } from '../../helpers/poll.js'

t.test(
  'a program that is stopped has ended before that is told: its folder can be removed then',
  async (t) => {
    const dir = scratchDir(t)
    const script = "trap 'sleep 0.2; : >ended; exit 1' TERM; : >begun; while :; do sleep 0.05; done"
    const stop = new AbortController()
    const running = run(['sh', '-c', script], { cwd: dir, signal: stop.signal })
    running.catch(() => undefined)
    await poll(20_000, async () => existsSync(join(dir, 'begun')), 5)
    stop.abort()
    await t.rejects(running, { name: 'BuildCommandError', message: /aborted/ })
    t.ok(existsSync(join(dir, 'ended')))
  },
)

t.test('one that is deaf to that is killed, and one that is not there is an error', async (t) => {
  const dir = scratchDir(t)
  const stop = new AbortController()
  const running = run(['sh', '-c', "trap '' TERM; : >begun; exec sleep 60"], {
    ...{ cwd: dir, signal: stop.signal, graceMs: 50 },
  })
  running.catch(() => undefined)
  await poll(20_000, async () => existsSync(join(dir, 'begun')), 5)
  stop.abort()
  await t.rejects(running, { name: 'BuildCommandError', message: /aborted/ })
  await t.rejects(run(['/none/such']), { message: /is not installed/ })
})
