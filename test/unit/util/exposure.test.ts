import { chmodSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exposureOf, isOpenToStrangers, refuseStrangers } from '../../../src/util/exposure.js'

const me = process.getuid?.() ?? 0
const OTHER = 65_534

t.test('modes tell who else may read and write', (t) => {
  const dir = join(t.testdir({ dir: {} }), 'dir')
  for (const [mode, to] of [
    [0o700, undefined],
    [0o711, 'readers'],
    [0o750, 'readers'],
    [0o770, 'writers'],
    [0o702, 'writers'],
    [0o1777, 'writers'],
  ] as const) {
    chmodSync(dir, mode)
    t.equal(exposureOf(dir)?.to, to, mode.toString(8))
    t.equal(isOpenToStrangers(dir, {}), to === 'writers', mode.toString(8))
  }
  t.equal(exposureOf(join(dir, 'missing')), undefined)
  t.end()
})

t.test('a stranger’s directory is refused with what mends it', { skip: me !== 0 && 'needs root' }, (t) => {
  const dir = join(t.testdir({ dir: {} }), 'dir')
  chmodSync(dir, 0o755)
  chownSync(dir, OTHER, OTHER)
  t.strictSame(exposureOf(dir), { to: 'owner', uid: OTHER })
  t.throws(() => refuseStrangers(dir), { code: 'store', hints: [/chown -R/, /XDG_CACHE_HOME/] })
  t.notOk(isOpenToStrangers(dir, { SUDO_UID: String(OTHER) }), 'who became root by sudo is no stranger')
  t.ok(isOpenToStrangers(dir, { SUDO_UID: '1' }))
  chmodSync(dir, 0o777)
  t.ok(isOpenToStrangers(dir, { SUDO_UID: String(OTHER) }), 'others are')
  t.end()
})
