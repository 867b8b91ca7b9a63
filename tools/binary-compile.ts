// Runs with the Node that becomes the executable: `compile.cjs ROOT FILE OUT` writes what V8 makes of a bundle.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hotForm } from '../bin/hot-forms.cjs'
import { CodeFiles } from '../src/cli/executable/code-files.js'
import type { answerFast, HotForm } from '../src/cli/fast.js'
import { MACHINE } from './binary-machine.js'

interface Program {
  run(argv: readonly string[], calledAs: string): Promise<never>
}

interface Fast {
  readonly answerFast: typeof answerFast
}

const readForm = hotForm as (words: readonly string[]) => HotForm | undefined

/** What is compiled when it has run: of the others only what sets them up. */
const EXERCISES: Readonly<Record<string, (exported: unknown) => unknown>> = {
  'main.cjs': (exported) => (exported as Program).run(['create', '--help'], 'tsmachine'),
  'fast.cjs': async (exported) => {
    const lines = ['env', 'env --unset', 'ip', 'url', 'inspect', 'inspect -f {{.Name}}'].map(
      (line) => `${line} ${MACHINE}`,
    )
    for (const line of [...lines, 'ls -q', 'active']) {
      const words = line.split(' ')
      const form = readForm(words)
      if (form) await (exported as Fast).answerFast(form, words, 'tsmachine')
    }
  },
}

const [root = '', file = '', out = ''] = process.argv.slice(2)
const code = new CodeFiles(root, { text: (name) => readFileSync(join(root, 'dist', name)) })

process.once('exit', () => {
  const data = code.compiled(file)
  if (data) writeFileSync(out, data)
  // As it is loaded, and here it has nothing to do.
  if (file === 'helper.cjs') process.exitCode = 0
})
process.argv = [process.execPath, file]
const exported = code.load(file)
void EXERCISES[file]?.(exported)
