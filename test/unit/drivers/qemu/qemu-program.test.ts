import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inspectQemu } from '../../../../src/drivers/qemu/qemu-program.js'
import { scratchDir } from '../../../helpers/driver-deps.js'
import { NEVER } from '../../../helpers/never.js'

/** Says what QEMU says; it is killed when it is asked for its sandbox as long as memory is short. */
const QEMU = `#!/bin/sh
case $* in
  *--version*) echo 'QEMU emulator version 7.2.22' ;;
  *-sandbox*) if test -e "$0.short"; then kill -9 $$; fi ;;
  *) echo user ;;
esac`

t.test('a QEMU that was killed while it was asked is asked again, and no longer then', async (t) => {
  const dir = scratchDir(t)
  const [path, asked] = [join(dir, 'qemu'), join(dir, 'asked')]
  writeFileSync(path, `${QEMU}\necho x >>'${asked}'`, { mode: 0o755 })
  writeFileSync(`${path}.short`, '')
  t.match(await inspectQemu(path, dir, NEVER), { sandbox: false })
  rmSync(`${path}.short`)
  t.match(await inspectQemu(path, dir, NEVER), { sandbox: true, netdevs: ['user'] })
  rmSync(asked)
  t.match(await inspectQemu(path, dir, NEVER), { sandbox: true })
  t.throws(() => rmSync(asked), 'what it said is kept')
})
