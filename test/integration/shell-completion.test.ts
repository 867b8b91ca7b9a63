import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { BASH, FISH, type InitShell, ShellUser, ZSH } from '../helpers/init-shells.js'

/** Completion of real shells, asked as each can be asked. The program is not started, and there is no other one. */

const me = new ShellUser(t)

t.before(async () => {
  const machines = join(me.user.store, 'machines')
  for (const name of ['web', 'db-1', '.removed']) mkdirSync(join(machines, name), { recursive: true })
  symlinkSync('web', join(machines, 'link'))
  for (const shell of [BASH, ZSH, FISH]) await me.init(shell)
})

/** What is offered for a line that ends where the cursor is. */
type Ask = (line: string) => Promise<readonly string[]>

/** bash's own variables; it splits at `=` too. */
const bash: Ask = async (line) => {
  const words = line.split(' ').flatMap((word) => word.split(/(?<==)|(?==)/))
  const set = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`
  const show = `for w in "\${COMPREPLY[@]+"\${COMPREPLY[@]}"}"; do echo "$w"; done`
  return await offered(
    BASH,
    `set -euo pipefail; . ${await me.init(BASH)}; ${set}; __tsmachine_complete; ${show}`,
  )
}

/** The function that zsh's completion calls, with what it offers printed. */
const zsh: Ask = async (line) => {
  const words = line.split(' ')
  const stubs = `
    compadd() { local s=; while (($#)); do case $1 in -S) s=$2; shift 2;; -a) shift; for a in \${(P)1}; do echo $a$s; done; return;; *) shift;; esac; done }
    _describe() { local -a list; list=(\${(P)@[-1]}); print -rl -- \${list%%:*} }
    _files() { echo FILES $* }
    compset() { cur=\${cur#*=} }`
  const set = `words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}`
  const all = await offered(ZSH, `${stubs}; . ${await me.init(ZSH)}; ${set}; __tsmachine_complete`)
  const last = words.at(-1)?.replace(/^--\w+=/, '') ?? ''
  return all.filter((word) => word.startsWith(last) || word.startsWith('FILES'))
}

const fish: Ask = async (line) => {
  const lines = await offered(FISH, `source ${await me.init(FISH)}; complete -C '${line}'`)
  return lines.map((entry) => (entry.split('\t')[0] ?? '').replace(/^--driver=/, ''))
}

async function offered(shell: InitShell, script: string): Promise<readonly string[]> {
  const { stdout, stderr, code } = await me.run(shell, script, { cwd: me.user.store })
  t.same({ stderr, code }, { stderr: '', code: 0 }, `${shell.program}: ${script.slice(-80)}`)
  return stdout.split('\n').filter((line) => line !== '')
}

const ROWS: readonly (readonly [line: string, wanted: readonly string[]])[] = [
  ['tsmachine sta', ['start', 'status']],
  ['tsmachine secret ', ['ls', 'rm', 'set']],
  ['tsmachine help upg', ['upgrade']],
  ['tsmachine start ', ['db-1', 'web']],
  ['tsmachine start web d', ['db-1']],
  ['tsmachine -s /elsewhere env w', ['web']],
  ['tsmachine env web ', []],
  ['tsmachine env --shell fi', ['fish']],
  ['tsmachine access --rm ', []],
  ['tsmachine rm --forc', ['--force']],
  ['tsmachine ls --json --q', ['--quiet']],
  ['tsmachine create ', []],
  ['tsmachine create -d non', ['none']],
  ['tsmachine create --driver=non', ['none']],
  ['tsmachine create -d none --u', ['--url']],
  ['tsmachine create --generic-ip', []],
  ['tsmachine create --qemu-ssh', ['--qemu-ssh-port']],
  ['tsmachine create --engine-access ', ['ssh', 'tls']],
  ['tsmachine secret set dig', ['digitalocean']],
  ['tsmachine shell-init z', ['zsh']],
  ['tsmachine scp w', ['web:']],
]

for (const [name, ask] of Object.entries({ bash, zsh, fish }))
  t.test(`${name} completes commands, flags, values and machines`, async (t) => {
    me.forget()
    for (const [line, wanted] of ROWS) {
      const words = (await ask(line)).filter((word) => !word.startsWith('FILES'))
      t.same(words.toSorted(), wanted, line)
    }
    t.equal(me.starts(), 0)
  })

t.test('what zsh and bash are told to complete is the program', async (t) => {
  const registered = await offered(BASH, `. ${await me.init(BASH)}; complete -p tsmachine`)
  t.same(registered, ['complete -F __tsmachine_complete tsmachine'])
  const defined = `compdef() { echo "$@"; }; . ${await me.init(ZSH)}`
  t.same(await offered(ZSH, defined), ['__tsmachine_complete tsmachine'])
})
