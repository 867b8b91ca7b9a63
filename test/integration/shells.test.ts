import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { TestUser } from '../helpers/cli.js'

/** Our output evaluated by every shell of Debian's that can. PowerShell, cmd and nushell are not packaged there. */

const NAMES = ['DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME', 'NO_PROXY'] as const

interface Shell {
  readonly program: string
  readonly args: readonly string[]
  /** What `--shell` is given. */
  readonly name: string
  /** Evaluates what `$E` prints, as the hint says, and prints the variables one a line. */
  readonly script: string
  /** It can hold a line break in a value. */
  readonly lines: boolean
}

const PRINT = `for n in ${NAMES.join(' ')}; do eval "if [ \\"\\\${$n+set}\\" ]; then printf '%s\\n' \\"\\\${$n}\\"; else echo none; fi"; done`
const POSIX = {
  /** Ours, and docker-machine's, which everybody has in scripts. */
  quoted: `eval "$(eval "$E")"; ${PRINT}`,
  bare: `eval $(eval "$E"); ${PRINT}`,
}
const FISH = `for n in ${NAMES.join(' ')}; if set -q $n; printf '%s\\n' $$n; else; echo none; end; end`
const TCSH = NAMES.map((name) => `if ($?${name}) printenv ${name}; if (! $?${name}) echo none`).join('; ')
const EMACS = `(progn
  (with-temp-buffer (shell-command (getenv "E") (current-buffer)) (eval-buffer))
  (dolist (n '(${NAMES.map((name) => `"${name}"`).join(' ')}))
    (princ (or (getenv n) "none")) (terpri)))`

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
  ).flatMap(([program, args]) =>
    [POSIX.quoted, POSIX.bare].map((script) => ({ program, args, name: 'sh', script, lines: true })),
  ),
  {
    program: 'fish',
    args: ['--no-config', '-c'],
    name: 'fish',
    script: `sh -c $E | source; ${FISH}`,
    lines: true,
  },
  {
    program: 'fish',
    args: ['--no-config', '-c'],
    name: 'fish',
    script: `eval (sh -c $E); ${FISH}`,
    lines: true,
  },
  { program: 'tcsh', args: ['-fc'], name: 'tcsh', script: `eval \`sh -c "$E"\`; ${TCSH}`, lines: false },
  { program: 'emacs', args: ['-Q', '--batch', '--eval'], name: 'emacs', script: EMACS, lines: true },
]

const HOSTILE = `a b  c $HOME "q" 'p' \`id\` \\ ; & | > < * ? [a-z] # ! ~ ( ) { } % %s \t \u00fc\u4e16`

function user(t: Test, store?: string): TestUser {
  const me = new TestUser(store === undefined ? {} : { store })
  t.teardown(async () => await me.cleanUp())
  return me
}

async function machine(me: TestUser): Promise<void> {
  await me.ok(['create', '--driver', 'none', '--url', 'tcp://192.0.2.1:2376', 'web'])
}

/** What each shell holds after it evaluated `env WORDS`; the output is asked once for each form. */
async function evaluated(
  me: TestUser,
  shells: readonly Shell[],
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<readonly { shell: Shell; values: string; stderr: string }[]> {
  const results: { shell: Shell; values: string; stderr: string }[] = []
  const files = new Map<string, string>()
  for (const shell of shells) {
    const file = files.get(shell.name) ?? join(me.home, `${shell.name}-form`)
    if (!files.has(shell.name))
      writeFileSync(file, await me.ok(['env', '--shell', shell.name, ...words], { env }))
    files.set(shell.name, file)
    const { stdout, stderr } = await me.run(shell.program, [...shell.args, shell.script], {
      env: { LC_ALL: 'C.UTF-8', ...env, E: `cat '${file}'` },
    })
    results.push({ shell, values: stdout, stderr })
  }
  return results
}

t.test('every shell takes the variables as they are, however hostile', async (t) => {
  const base = user(t)
  const me = user(t, join(base.home, HOSTILE))
  await machine(me)
  const expected = ['tcp://192.0.2.1:2376', join(me.store, 'machines', 'web'), 'web', `${HOSTILE},192.0.2.1`]
  for (const { shell, values, stderr } of await evaluated(me, SHELLS, ['--no-proxy', 'web'], {
    NO_PROXY: HOSTILE,
  }))
    t.equal(values, `${expected.join('\n')}\n`, `${shell.program} ${shell.script.slice(0, 12)} ${stderr}`)
})

t.test('a line break in a value arrives or is refused', async (t) => {
  const base = user(t)
  const me = user(t, join(base.home, 'line\nbreak'))
  await machine(me)
  const able = SHELLS.filter(({ lines }) => lines)
  for (const { shell, values, stderr } of await evaluated(me, able, ['web']))
    t.match(values, `\n${join(me.store, 'machines', 'web')}\nweb\n`, `${shell.program} ${stderr}`)
  for (const name of ['tcsh', 'cmd'])
    t.match(await me.tsmachine(['env', '--shell', name, 'web']), {
      code: 2,
      stdout: '',
      stderr: new RegExp(`cannot be written for ${name}`),
    })
})

t.test('env -u takes the variables away again, in every shell', async (t) => {
  const me = user(t)
  const env = { DOCKER_HOST: 'x', DOCKER_CERT_PATH: 'x', DOCKER_MACHINE_NAME: 'y', NO_PROXY: 'z' }
  for (const { shell, values, stderr } of await evaluated(me, SHELLS, ['-u', '--no-proxy'], env))
    t.equal(values, 'none\nnone\nnone\nnone\n', `${shell.program} ${stderr}`)
})
