/** Images of others: what one names besides itself would be read as its user, and given to its guest. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeRootDisk } from '../../../../src/drivers/qemu/disks.js'
import { runChecked } from '../../../../src/util/exec.js'
import { scratchDir } from '../../../helpers/driver-deps.js'
import { NEVER } from '../../../helpers/never.js'

const SIZE_MB = 2
const SECRET = 'private to this user'.padEnd(1024 * 1024, '.')

async function image(t: Test, format: string, ...options: readonly string[]): Promise<string> {
  const path = join(scratchDir(t), 'image')
  await runChecked('driver', 'qemu-img', ['create', '-q', '-f', format, ...options, path, '1M'])
  return path
}

t.test(
  'an image that takes its content from another file is refused, and nothing of that copied',
  async (t) => {
    const dir = scratchDir(t)
    const secret = join(dir, 'secret')
    const outside = await image(t, 'qcow2', '-o', `data_file=${secret},data_file_raw=on`)
    writeFileSync(secret, SECRET)
    const base = await image(t, 'qcow2')
    const backed = await image(t, 'qcow2', '-b', base, '-F', 'qcow2')
    const descriptor = join(dir, 'descriptor')
    const extent = `RW 2048 FLAT "${secret}" 0`
    writeFileSync(
      descriptor,
      `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\n${extent}\n`,
    )
    for (const [path, message] of [
      [outside, /needs another file \(.*secret\)/],
      [backed, /needs another file/],
      [descriptor, /is neither qcow2 nor raw, but vmdk/],
    ] as const) {
      const root = join(scratchDir(t), 'root.qcow2')
      await t.rejects(makeRootDisk(root, path, SIZE_MB, NEVER), { code: 'driver', message })
      t.strictSame(readdirSync(join(root, '..')), [])
    }
  },
)

t.test('one that is whole in its file is copied, whatever of the two formats it has', async (t) => {
  for (const format of ['qcow2', 'raw']) {
    const root = join(scratchDir(t), 'root.qcow2')
    await makeRootDisk(root, await image(t, format), SIZE_MB, NEVER)
    t.ok(existsSync(root), format)
  }
})
