// Runs with the Node that becomes the executable: `compile.cjs ROOT FILE OUT` writes what V8 makes of a bundle.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodeFiles } from '../src/cli/executable/code-files.js'

const [root = '', file = '', out = ''] = process.argv.slice(2)
const code = new CodeFiles(root, { text: (name) => readFileSync(join(root, 'dist', name)) })

process.once('exit', () => {
  const data = code.compiled(file)
  if (data) writeFileSync(out, data)
  // As it is loaded, and here it has nothing to do.
  if (file === 'helper.cjs') process.exitCode = 0
})
process.argv = [process.execPath, file]
const loaded = code.load(file)
if (file === 'main.cjs') {
  // What most commands have in common is compiled when they have run.
  void (loaded as { run(argv: readonly string[], calledAs: string): Promise<never> }).run(
    ['create', '--help'],
    'tsmachine',
  )
}
