/** What a machine keeps over pause, stop and a pulled plug. */
import t from 'tap'
import { pauseVm } from '../../helpers/pause-vm.js'
import { poll } from '../../helpers/poll.js'
import type { Web } from './web.js'

const PAUSE_S = 20
/** The guest leaves less than this alone. */
const TOLERANCE_S = 2

export function power(web: Web): void {
  const { user } = web

  t.test('the clock is wrong after the VM was paused, and right again within 40 s', async (t) => {
    await pauseVm(web.ledger(), PAUSE_S * 1_000)
    const started = performance.now()
    const corrections = async (): Promise<number[]> => {
      const log = await user.ok(['logs', 'web', '--boot'])
      return [...log.matchAll(/clock was (\d+) s off/g)].map(([, seconds]) => Number(seconds))
    }
    await poll(40_000, async () => (await corrections()).length > 0, 500)
    const seconds = Number(await web.inGuest('date +%s'))
    t.ok(performance.now() - started <= 40_000, 'within 40 s')
    t.ok(Math.abs(seconds - Date.now() / 1_000) <= TOLERANCE_S + 1, 'the clock is right')
    const [off = 0, ...more] = await corrections()
    t.ok(off >= PAUSE_S - TOLERANCE_S && off <= PAUSE_S + 10, `it was ${off} s off`)
    t.strictSame(more, [], 'set once')
  })

  t.test('containers, images, volumes and forwards by hand survive stop and start', async (t) => {
    const bootId = () => web.inGuest('cat /proc/sys/kernel/random/boot_id')
    const before = await bootId()
    await web.docker('run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo precious > /data/file')
    await user.ok(['stop', 'web'])
    t.equal(await user.ok(['status', 'web']), 'Stopped\n')
    const url = await user.tsmachine(['url', 'web'])
    t.equal(url.code, 1)
    t.match(url.stderr, 'Host is not running')
    await user.ok(['start', 'web'])
    t.not(await bootId(), before)
    t.match(await user.ok(['forward', 'web']), /by hand/)
    t.equal(await web.docker('run', '--rm', '-v', 'kept:/data', 'busybox', 'cat', '/data/file'), 'precious')
    t.match(await web.docker('ps', '-a', '--format', '{{.Names}}'), 'steady')
  })

  t.test('they survive a pulled plug as well, and what shall always run runs again', async (t) => {
    const program = 'echo started >> /data/starts; sync; sleep 3600'
    const flags = ['-d', '--init', '--name', 'always', '--restart', 'always', '-v', 'kept:/data']
    await web.docker('run', ...flags, 'busybox', 'sh', '-c', program)
    await web.docker(
      'run',
      '--rm',
      '-v',
      'kept:/data',
      'busybox',
      'sh',
      '-c',
      'echo still > /data/file; sync',
    )
    const before = await web.containerPid('always')
    await user.ok(['kill', 'web'])
    t.equal(await user.ok(['status', 'web']), 'Stopped\n')
    await user.ok(['start', 'web'])
    t.equal(await web.docker('run', '--rm', '-v', 'kept:/data', 'busybox', 'cat', '/data/file'), 'still')
    const running = ['ps', '--filter', 'status=running', '--format', '{{.Names}}']
    await poll(30_000, async () => (await web.docker(...running)) === 'always')
    t.not(await web.containerPid('always'), before)
    t.equal(await web.docker('exec', 'always', 'cat', '/data/starts'), 'started\nstarted')
    t.match(
      (await user.run('docker', ['--context', 'web', 'version'])).stdout,
      /Server/,
      'the context follows the ports',
    )
  })
}
