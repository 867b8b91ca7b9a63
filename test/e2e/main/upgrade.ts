/** The VM moves to a newer image, and back from one that does not boot. */
import { mkdirSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { bringNewerImage } from '../../helpers/newer-image.js'
import { currentImage, panicImage } from '../../helpers/panic-image.js'
import type { Web } from './web.js'

export function upgrade(web: Web): void {
  const { user } = web
  const cache = join(user.home, 'upgrade-cache')
  const env = { XDG_CACHE_HOME: cache }
  const bootId = () => web.inGuest('cat /proc/sys/kernel/random/boot_id')
  const kept = () => web.docker('run', '--rm', '-v', 'kept:/data', 'busybox', 'cat', '/data/file')

  t.test('an image that does not boot is taken back', async (t) => {
    const present = await currentImage(user)
    const images = join(cache, 'tsmachine', 'images')
    mkdirSync(images, { recursive: true })
    symlinkSync(present, join(images, basename(present)))
    t.match(await user.ok(['upgrade', 'web'], { env }), /^web: boot image \S+ is the newest\n$/)
    await panicImage(user, cache)
    const before = await kept()
    const outcome = await user.tsmachine(['upgrade', 'web'], { env })
    t.equal(outcome.code, 1)
    t.match(outcome.stderr, /The upgrade of "web" to \S+ failed, and \S+ runs again[^]*Kernel panic/)
    t.equal(web.ledger().image?.digest, basename(present))
    t.equal(web.ledger().upgrade, undefined)
    t.equal(await kept(), before)
    const used = await user.tsmachine(['image', 'rm', basename(present)], { env })
    t.match(used.stderr, 'is the boot image of web')
  })

  t.test('a newer one boots, and the data disk is as it was', async (t) => {
    const before = { boot: await bootId(), data: await kept() }
    const digest = await bringNewerImage(web.user, env)
    t.match(await user.ok(['upgrade', '--dry-run', 'web'], { env }), /its data disk stays/)
    t.match(await user.ok(['upgrade', 'web'], { env }), /^web: boot image \S+ -> \S+\n$/)
    t.equal(web.ledger().image?.digest, digest)
    t.not(await bootId(), before.boot)
    t.equal(await kept(), before.data)
    t.match(await web.docker('ps', '-a', '--format', '{{.Names}}'), 'steady')
  })
}
