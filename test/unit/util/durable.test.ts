import { existsSync, mkdirSync, promises, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeFileAtomic } from '../../../src/util/atomic-file.js'
import { removeForGood, syncTree } from '../../../src/util/durable.js'
import { type Change, HalfDone } from '../../helpers/file-changes.js'
import { watchingFiles } from '../../helpers/faulty-fs.js'
import { cutPower, type Loss } from '../../helpers/power-cut.js'
import { PowerModel } from '../../helpers/power-model.js'

/** What is in a directory after work whose power went at its end. */
async function after(dir: string, loss: Loss, work: () => Promise<unknown>): Promise<void> {
  const power = new PowerModel(dir)
  const before = (change: Change): void => power.before(change)
  await watchingFiles([dir], { before, after: (change) => power.after(change) }, work)
  cutPower(power, { at: power.changes, loss, next: () => 0 })
}

t.test('the model of power cuts takes what was not forced to the disk', async (t) => {
  for (const loss of ['all', 'bytes'] as const) {
    const dir = t.testdir({ file: 'old' })
    const path = join(dir, 'file')
    await after(dir, loss, async () => {
      await promises.writeFile(`${path}.new`, 'new')
      await promises.rename(`${path}.new`, path)
    })
    t.equal(readFileSync(path, 'utf8'), loss === 'all' ? 'old' : '', `lost: ${loss}`)
    await after(dir, loss, async () => await writeFileAtomic(path, 'newer'))
    t.equal(readFileSync(path, 'utf8'), 'newer', 'what was forced to the disk stays')
  }
})

t.test('what is removed for good does not come back, and a tree that was synced is whole', async (t) => {
  const dir = t.testdir({ secret: 'x', folder: { key: 'y' } })
  await after(dir, 'all', async () => await removeForGood(join(dir, 'secret'), join(dir, 'folder')))
  t.notOk(existsSync(join(dir, 'secret')))
  t.notOk(existsSync(join(dir, 'folder')))
  await after(dir, 'all', async () => {
    mkdirSync(join(dir, 'tree'))
    mkdirSync(join(dir, 'tree', 'inner'))
    writeFileSync(join(dir, 'tree', 'inner', 'file'), 'z')
    await syncTree(dir)
  })
  t.ok(existsSync(join(dir, 'tree', 'inner', 'file')))
  await removeForGood(join(dir, 'none', 'there'))
})

t.test('a rename whose answer a file server lost is done', async (t) => {
  const dir = t.testdir({ file: 'old' })
  const before = ({ name, path }: Change): void => {
    if (name === 'rename') throw new HalfDone('ENOENT', name, path)
  }
  await watchingFiles([dir], { before }, async () => await writeFileAtomic(join(dir, 'file'), 'new'))
  t.equal(readFileSync(join(dir, 'file'), 'utf8'), 'new')
})
