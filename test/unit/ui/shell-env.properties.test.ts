/** `env` evaluated by real shells: each value arrives as it is, or the form refuses it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { shellEnvText } from '../../../src/ui/shell-env-text.js'
import { commandLine, renderEnv } from '../../../src/ui/shell-env.js'
import { fishWord, shWord } from '../../../src/ui/shell-quote.js'
import { findProgram } from '../../../src/util/exec.js'
import { checkBounded, forAll, hostileText, pumps, refusedOr, SEED } from '../../helpers/properties.js'
import { size } from '../../sizes.js'

const dir = mkdtempSync(join(tmpdir(), 'tsm-env-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

/** A variable holds no NUL, UTF-8 no half of a pair; what is longer than one word of a command line is no variable. */
const VALUES = fc
  .sample(hostileText('\n', '  ', '\t', '!', '\\n', "'\\''"), {
    seed: SEED,
    numRuns: Math.min(2_000, size('propertyRuns')),
  })
  .map((text) => text.replace(/\0|\p{Surrogate}/gu, '').slice(0, 2_000))

interface Shell {
  readonly program: string
  readonly args: readonly string[]
  readonly form: string
  /** Prints the variables of the environment after the file. */
  readonly script: (file: string) => string
}

const SHELLS: readonly Shell[] = [
  ...(
    [
      ['bash', ['-c']],
      ['dash', ['-c']],
      ['busybox', ['sh', '-c']],
      ['zsh', ['-fc']],
      ['ksh93', ['-c']],
      ['mksh', ['-c']],
      ['yash', ['-c']],
    ] as const
  ).map(([program, args]) => ({
    program,
    args,
    form: 'sh',
    script: (file: string) => `eval "$(cat '${file}')"; exec env -0`,
  })),
  {
    program: 'fish',
    args: ['--no-config', '-c'],
    form: 'fish',
    script: (file) => `cat '${file}' | source; exec env -0`,
  },
  { program: 'tcsh', args: ['-fc'], form: 'tcsh', script: (file) => `eval \`cat '${file}'\`; exec env -0` },
]

for (const { program, args, form, script } of SHELLS)
  t.test(
    `${program}: values arrive as they are`,
    { skip: findProgram(program) ? false : `no ${program}` },
    async (t) => {
      const able = VALUES.filter(
        (value) =>
          refusedOr(() => renderEnv(form, { set: [['V', value]], unset: [], commandLine: undefined })) !==
          undefined,
      )
      t.ok(able.length > VALUES.length / 3, `${able.length} of ${VALUES.length}`)
      // Some at once: an environment is no larger than a shell takes.
      for (let at = 0; at < able.length; at += 40) {
        const part = able.slice(at, at + 40)
        const set = part.map((value, index) => [`V${index}`, value] as const)
        const file = join(dir, form)
        writeFileSync(
          file,
          renderEnv(form, {
            set,
            unset: [],
            commandLine: commandLine(['tsmachine', 'env', ...part.slice(0, 3)]),
          }),
        )
        const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', HOME: dir }
        const text = execFileSync(program, [...args, script(file)], {
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
        }).toString()
        const read = new Map(
          text
            .split('\0')
            .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
        )
        const bad = set.find(([name, value]) => read.get(name) !== value)
        t.equal(bad && JSON.stringify([bad[1].slice(0, 300), read.get(bad[0])?.slice(0, 300)]), undefined)
      }
    },
  )

t.test('other forms: data stays data, and one line is one line', async (t) => {
  await forAll(t, 'json', hostileText(), (value) => {
    for (const form of ['json', 'nushell'])
      if (
        (
          JSON.parse(renderEnv(form, { set: [['V', value]], unset: [], commandLine: undefined })) as {
            V: string
          }
        ).V !== value
      )
        return false
    return true
  })
  await forAll(t, 'cmd, powershell, emacs', hostileText('\r', '\n'), (value) => {
    for (const form of ['cmd', 'powershell']) {
      const text = refusedOr(() =>
        renderEnv(form, { set: [['V', value]], unset: [], commandLine: undefined }),
      )
      if (text !== undefined && /[\r\n]/.test(text.slice(0, -1))) throw new Error(JSON.stringify(text))
    }
  })
  await forAll(t, 'words', hostileText(), (word) => {
    for (const quote of [shWord, fishWord])
      if (!quote(word).startsWith("'") && /[^\w@%+=:,./-]/.test(word)) throw new Error(word)
    const kept = refusedOr(() =>
      shellEnvText({ name: 'web', root: word, variables: [['DOCKER_HOST', word]] }),
    )
    return kept === undefined || kept.split('\n').length === 6
  })
})

t.test('long values take no longer than their length', async (t) => {
  const texts = pumps('  ', ' a')
  for (const form of ['sh', 'fish', 'tcsh', 'cmd', 'powershell', 'emacs'])
    checkBounded(t, form, texts, (text) =>
      renderEnv(form, { set: [['V', text]], unset: [], commandLine: commandLine([text]) }),
    )
})
