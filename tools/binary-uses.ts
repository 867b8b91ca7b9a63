import { hotForm, useOf } from '../bin/hot-forms.cjs'
import type { HotForm } from '../src/cli/fast.js'

/** What the verbs are asked about while their code is compiled for the executable. */
export const MACHINE = 'web'

/** A file of `dist/`, and the command line with which it runs before what was compiled of it is kept. */
export interface Use {
  readonly name: string
  readonly file: string
  readonly argv: readonly string[]
}

const readForm = hotForm as (words: readonly string[]) => HotForm | undefined
const nameOf = useOf as unknown as {
  readonly fast: (form: HotForm) => string
  readonly program: (argv: readonly string[]) => string
}

const HOT = ['env', 'env --shell bash', 'ip', 'url', 'inspect', 'inspect -f {{.Name}}'].map(
  (line) => `${line} ${MACHINE}`,
)
const WHOLE = ['create --help', '--help', '--version']

/** What has compiled code of its own; the first of a file is also for its other uses. */
export const USES: readonly Use[] = [
  ...[...HOT, 'env --unset', 'ls -q', 'active'].map(hotUse),
  ...WHOLE.map((line) => {
    const argv = line.split(' ')
    return { name: nameOf.program(argv), file: 'main.cjs', argv }
  }),
]

function hotUse(line: string): Use {
  const argv = line.split(' ')
  const form = readForm(argv)
  if (!form) throw new Error(`Not a hot form: ${line}`)
  return { name: nameOf.fast(form), file: 'fast.cjs', argv }
}
