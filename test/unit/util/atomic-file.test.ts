import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  type FileOps,
  makeOwnDir,
  makePrivateDir,
  realFileOps,
  writeFileAtomic,
} from '../../../src/util/atomic-file.js'
import { failingOps, OPERATIONS } from '../../helpers/file-ops.js'

t.test('a new file has its mode whatever the umask grants', async (t) => {
  const dir = t.testdir()
  const umask = process.umask(0o000)
  await writeFileAtomic(join(dir, 'secret'), 'x')
  await writeFileAtomic(join(dir, 'public'), 'x', { mode: 0o644 })
  process.umask(umask)
  t.equal(statSync(join(dir, 'secret')).mode & 0o777, 0o600)
  t.equal(statSync(join(dir, 'public')).mode & 0o777, 0o644)
})

t.test('the mode holds from the first byte: the unfinished file is never wider', async (t) => {
  const dir = t.testdir()
  const seen: number[] = []
  const ops: FileOps = {
    ...realFileOps,
    rename: async (from, to) => {
      seen.push(statSync(String(from)).mode & 0o777)
      await realFileOps.rename(from, to)
    },
    open: async (path, flags, mode) => {
      const file = await realFileOps.open(path, flags, mode)
      if (flags === 'wx') seen.push(statSync(String(path)).mode & 0o777)
      return file
    },
  }
  await writeFileAtomic(join(dir, 'key.pem'), 'x', { mode: 0o600, ops })
  t.strictSame(seen, [0o600, 0o600])
})

t.test('bytes and text are written as they are and replace what was there', async (t) => {
  const path = join(t.testdir({ file: 'a much longer old content' }), 'file')
  await writeFileAtomic(path, new Uint8Array([0, 255, 10]))
  t.strictSame([...readFileSync(path)], [0, 255, 10])
  await writeFileAtomic(path, 'ü\n')
  t.equal(readFileSync(path, 'utf8'), 'ü\n')
})

t.test('a symbolic link stays one, its target is replaced', async (t) => {
  const dir = t.testdir({ real: 'old' })
  symlinkSync('real', join(dir, 'link'))
  await writeFileAtomic(join(dir, 'link'), 'new')
  t.ok(lstatSync(join(dir, 'link')).isSymbolicLink())
  t.equal(readFileSync(join(dir, 'real'), 'utf8'), 'new')
})

t.test('names up to the longest that the file system allows work', async (t) => {
  const path = join(t.testdir(), 'n'.repeat(255))
  await writeFileAtomic(path, 'x')
  t.equal(readFileSync(path, 'utf8'), 'x')
})

t.test(
  'whichever operation fails, the old content stays, no temporary file does, and the error says why',
  async (t) => {
    for (const [index, operation] of OPERATIONS.entries()) {
      const dir = t.testdir({ file: 'old' })
      const ops = failingOps({ at: index + 1, code: 'ENOSPC' })
      await t.rejects(
        writeFileAtomic(join(dir, 'file'), 'new', { ops: ops.ops }),
        { code: 'store', message: /Cannot write .*file: the disk is full/, hints: [/df -h/] },
        operation,
      )
      t.strictSame(readdirSync(dir), ['file'], `${operation}: no temporary file`)
      const content = readFileSync(join(dir, 'file'), 'utf8')
      t.equal(
        content,
        index < OPERATIONS.indexOf('rename') + 1 ? 'old' : 'new',
        `${operation}: whole content`,
      )
    }
  },
)

t.test('each errno has words of its own', async (t) => {
  const words = {
    EROFS: /read-only/,
    EACCES: /permission denied/,
    EPERM: /permission denied/,
    EDQUOT: /quota/,
    EFBIG: /limit/,
    ENAMETOOLONG: /too long/,
    EIO: /the disk reports an error/,
    EBADMSG: /EBADMSG/,
  }
  for (const [code, message] of Object.entries(words))
    await t.rejects(writeFileAtomic(join(t.testdir(), 'f'), 'x', { ops: failingOps({ at: 1, code }).ops }), {
      code: 'store',
      message,
    })
})

t.test('a directory that is missing is made 0700 with its parents, one that exists is left', async (t) => {
  const dir = t.testdir({ file: '' })
  await makePrivateDir(join(dir, 'a', 'b'))
  t.equal(statSync(join(dir, 'a')).mode & 0o777, 0o700)
  t.equal(statSync(join(dir, 'a', 'b')).mode & 0o777, 0o700)
  mkdirSync(join(dir, 'open'), { mode: 0o755 })
  await makePrivateDir(join(dir, 'open'))
  t.equal(statSync(join(dir, 'open')).mode & 0o777, 0o755)
  await t.rejects(makePrivateDir(join(dir, 'file')), { code: 'store', message: /not a directory/ })
  await t.rejects(makePrivateDir(join(dir, 'file', 'below')), { code: 'store', message: /not a directory/ })
  writeFileSync(join(dir, 'file'), 'still a file')
})

t.test('a directory that others may enter is not taken as ours', async (t) => {
  const dir = t.testdir()
  await makeOwnDir(join(dir, 'new'))
  await makeOwnDir(join(dir, 'new'))
  chmodSync(join(dir, 'new'), 0o777)
  await t.rejects(makeOwnDir(join(dir, 'new')), { code: 'store', message: /others may enter/ })
})
