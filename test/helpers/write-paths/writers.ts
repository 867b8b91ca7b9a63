/** Which modules of ours write files, by what they import; and those that the write paths need not run, with the reason. */
import { readdirSync, readFileSync } from 'node:fs'

const SYSTEM =
  /^(write|append|rename|mkdir|mkdtemp|symlink|link|copyFile|cp$|cp[A-Z]|rm|unlink|truncate|ftruncate|utimes|chmod|createWriteStream|open$|openSync)/
const OURS = /^(writeFileAtomic|writeFirst|writeNewFile|writeJsonFile|removeForGood|syncTree|realFileOps)$/
const FILE_SYSTEM = /^(?:node:)?fs(?:\/promises)?$/
const IMPORT = /^import\s+(type\s+)?([^;'"]+?)\s+from\s+'([^']+)'/gm

const sources = (): readonly string[] =>
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `src/${path}`)

/** Modules below `src` that can change a file. One that takes the whole file system could do so in any place: refused. */
export function writers(): readonly string[] {
  return sources()
    .toSorted()
    .filter((path) => {
      const text = readFileSync(path, 'utf8')
      if (/(?:require|import)\(\s*'(?:node:)?fs/.test(text))
        throw new Error(`${path} loads the file system in a way of its own`)
      return [...text.matchAll(IMPORT)].some(
        ([, type, what = '', from = '']) => type === undefined && writes(path, what, from),
      )
    })
}

function writes(path: string, what: string, from: string): boolean {
  const isSystem = FILE_SYSTEM.test(from)
  if (isSystem && !what.startsWith('{')) throw new Error(`${path} imports all of ${from}: name what it needs`)
  const names = what
    .replace(/[{}]/g, '')
    .split(',')
    .map((name) => name.trim().split(' as ')[0] ?? '')
  return names.some((name) => (isSystem ? SYSTEM : OURS).test(name))
}

const READS = 'it opens files to read them'
const OF_QEMU = "of a VM that runs: nothing of it counts after QEMU's end"
const REMOVES = 'it removes what is of no use, and is repeated'

/** A new writer belongs on a write path. Here is what a fault cannot take anything from. */
export const NOT_ON_A_PATH: Readonly<Record<string, string>> = {
  'src/cli/fast.ts': 'it writes to the standard output',
  'src/cli/helpers/engine-tunnel.ts': 'one line, replaced as a whole: who runs; of no use after a power cut',
  'src/cli/helpers/port-forwarder.ts': REMOVES,
  'src/commands/bundle.ts': 'one file, by writeNewFile, as an export is written',
  'src/drivers/package/kit/testing/package-subject.ts': 'directories of tests of authors',
  'src/drivers/package/template.ts': "a new project of an author's: cut off, it is removed and written again",
  'src/drivers/plugin/session/program-file.ts': READS,
  'src/drivers/qemu/console.ts': READS,
  'src/drivers/qemu/elsewhere.ts':
    'an empty mark that is there or not: test/unit/drivers/qemu/elsewhere.test.ts',
  'src/drivers/qemu/forwards.ts': 'one file, by writeJsonFile, as the verdicts are written',
  'src/drivers/qemu/memory-file.ts': 'test/integration/qemu-suspend.test.ts: disk full, killed',
  'src/drivers/qemu/process.ts': OF_QEMU,
  'src/drivers/qemu/qemu-program.ts': 'one file, by writeJsonFile, as the verdicts are written',
  'src/drivers/qemu/remove.ts': REMOVES,
  'src/drivers/qemu/saved-memory.ts': REMOVES,
  'src/drivers/qemu/start.ts': OF_QEMU,
  'src/drivers/qemu/suspend.ts': 'test/integration/qemu-suspend.test.ts: disk full, killed',
  'src/drivers/qemu/template-cut.ts': REMOVES,
  'src/drivers/qemu/template-make.ts': REMOVES,
  'src/drivers/qemu/verdicts.ts': 'one file, made again where it is not as it should be',
  'src/images/decompress.ts': READS,
  'src/images/open-source.ts': REMOVES,
  'src/images/sources.ts': 'an empty directory, and its removal',
  'src/images/tar.ts':
    'into a staging directory, which is checked by its hashes and forced to the disk before use',
  'src/machine/placeholder-key.ts': 'one file, by writeFileAtomic, made again at the next start',
  'src/machine/serve-record.ts': "whole files beside a host's record, then a change of a record",
  'src/machine/support/parts.ts': READS,
  'src/ssh/files/local.ts': "copies to the user's files: test/integration/scp.test.ts",
  'src/util/abandoned.ts': REMOVES,
  'src/util/own-links.ts': READS,
}
