import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { processStart } from '../../../../../src/util/exec.js'
import { linePlugin } from '../../../../doubles/line-plugin/index.js'
import { poll } from '../../../../helpers/poll.js'

const WORKER = fileURLToPath(new URL('../../../../helpers/plugin-worker.ts', import.meta.url))

function endOf(env: NodeJS.ProcessEnv, how: string) {
  return spawnSync(process.execPath, ['--import', 'tsx', WORKER, how], {
    env,
    timeout: 60_000,
    encoding: 'utf8',
  })
}

for (const [how, status] of [
  ['return', 0],
  ['exit', 0],
  ['throw', 1],
] as const)
  t.test(`an open session does not keep us, and its plugin does not outlast us: ${how}`, async (t) => {
    // One that would go neither on Close nor on SIGTERM, nor when the heartbeats stop.
    const { env, pids } = linePlugin(t, { ignores: ['Close', 'SIGTERM'], silentMs: 600_000 })
    const { status: ended, signal } = endOf(env, how)
    t.same([ended, signal], [status, null])
    t.equal(pids().length, 1)
    await poll(2_000, () => Promise.resolve(processStart(pids()[0] ?? 0) === undefined), 10)
  })

t.test('a plugin whose host was killed ends by itself, as it hears no heartbeat', async (t) => {
  const { env, pids, entries } = linePlugin(t, { ignores: ['SIGTERM'], silentMs: 1_000 })
  t.equal(endOf(env, 'kill').signal, 'SIGKILL')
  await poll(11_000, () => Promise.resolve(processStart(pids()[0] ?? 0) === undefined), 10)
  t.match(entries().at(-1), { ended: 1 })
})
