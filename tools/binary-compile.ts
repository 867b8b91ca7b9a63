// Runs with the Node that becomes the executable: `compile.cjs ROOT FILE OUT [WORD...]` writes what V8 makes of a
// bundle when it answers those words.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hotForm } from '../bin/hot-forms.cjs'
import { CodeFiles } from '../src/cli/executable/code-files.js'
import type { answerFast, HotForm } from '../src/cli/fast.js'

interface Program {
  run(argv: readonly string[], calledAs: string): Promise<never>
}

interface Fast {
  readonly answerFast: typeof answerFast
}

const readForm = hotForm as (words: readonly string[]) => HotForm | undefined

/** What is compiled when it has run: of other files only what sets them up. */
const EXERCISES: Readonly<Record<string, (exported: unknown, words: readonly string[]) => unknown>> = {
  'main.cjs': (exported, words) => (exported as Program).run(words, 'tsmachine'),
  'fast.cjs': async (exported, words) => {
    const form = readForm(words)
    if (form) await (exported as Fast).answerFast(form, words, 'tsmachine')
  },
}

const [root = '', file = '', out = '', ...words] = process.argv.slice(2)
const code = new CodeFiles(root, { text: (name) => readFileSync(join(root, 'dist', name)) })

process.once('exit', () => {
  const data = code.compiled(file)
  if (data) writeFileSync(out, data)
  // As it is loaded, and here it has nothing to do.
  if (file === 'helper.cjs') process.exitCode = 0
})
process.argv = [process.execPath, file]
const exported = code.load(file)
void EXERCISES[file]?.(exported, words)
