/** `--qemu-image`: a stock Debian cloud image with systemd and cloud-init becomes a machine, with our engine bundle. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../image-build/exec.js'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { TestUser } from '../helpers/cli.js'
import { stockDisk } from '../helpers/stock-disk.js'

t.setTimeout(900_000)
const user = new TestUser()
t.teardown(() => user.cleanUp())

t.test('a cloud image is copied, grown, told who we are, and gets an engine', async (t) => {
  // As distributions publish it: qcow2, compressed. Its name does not say so: the content decides.
  const image = join(user.home, 'stock.img')
  const { raw } = await stockDisk('cloud')
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-c', '-W', '-m', '2', raw, image])
  t.equal(readFileSync(image).subarray(0, 4).toString('latin1'), 'QFI\xfb')
  const before = statSync(image).mtimeMs
  const flags = ['--qemu-memory', '1536', '--qemu-disk-size', '9000', '--qemu-image', image]
  const outcome = await user.tsmachine(['create', ...flags, 'stock'], { limitMs: 800_000 })
  t.equal(outcome.code, 0, outcome.stderr)
  t.equal(statSync(image).mtimeMs, before, 'the image itself is only read')
  const dir = join(user.store, 'machines', 'stock')
  const ledger = JSON.parse(readFileSync(join(dir, 'tsmachine.json'), 'utf8')) as LedgerRecord
  t.match(ledger, {
    phase: 'ready',
    hostKeys: { source: 'given', rotated: true },
    engine: { source: 'bundled' },
  })
  const release = await user.ok([
    'ssh',
    'stock',
    '--',
    'cat /etc/os-release; hostname; df -m --output=size / | tail -1',
  ])
  t.match(release, /ID=debian/)
  t.match(release, /^stock$/m)
  t.ok(Number(release.trim().split('\n').at(-1)) > 7_500, 'the root file system has grown')
  const info = await user.docker('stock', ['info', '--format', '{{.OperatingSystem}}'])
  t.match(info.stdout, /Debian/, info.stderr)
})

t.test('its seed holds no private key any more, and it hears the power button', async (t) => {
  const seed = readFileSync(join(user.store, 'machines', 'stock', 'seed', 'user-data'), 'utf8')
  t.notMatch(seed, /PRIVATE KEY/)
  await user.ok(['stop', 'stock'], { limitMs: 400_000 })
  t.equal((await user.ok(['status', 'stock'])).trim(), 'Stopped')
})
