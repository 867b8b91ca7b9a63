import { dialectOf, type KeptForm } from './shell-dialects.js'
import { LAST_LINE } from './shell-env-text.js'
import { CLIENT_VARIABLES, type FunctionShell, type ShellFacts, withOwnNames } from './shell-facts.js'
import { shWord } from './shell-quote.js'

type PosixShell = Exclude<FunctionShell, 'fish'>

const CLIENT = CLIENT_VARIABLES.join(' ')

/** The functions for bash, zsh and any POSIX shell: the program's own, what reads the kept file, and the prompt's. */
export function posixFunctions(facts: ShellFacts, shell: PosixShell): string {
  const script = [wrapper(facts, shell), here(facts, shell), reader(facts, shell), prompt(shell)].join('\n')
  return withOwnNames(facts.program, script)
}

/** bash and zsh take any name and keep aliases out of it; the others know this form alone. */
function head(shell: PosixShell, name: string): string {
  return shell === 'sh' ? `${name}() {` : `function ${name} {`
}

function locals(shell: PosixShell, ...names: string[]): string {
  return shell === 'sh' ? ':' : `local ${names.map((name) => `@${name}`).join(' ')}`
}

/** The hint under the variables as a format of `printf`, with `%s` for the machine's name. */
export function hintFormat(program: ShellFacts['program'], form: KeptForm): string {
  const lines = dialectOf(form).hint(`${program} env %s`, program === 'docker-machine')
  return lines.map((line) => `${line}\\n`).join('')
}

function wrapper(facts: ShellFacts, shell: PosixShell): string {
  const { program } = facts
  return `# The program, and what it cannot do from outside: ${program} shell-init --help.
${head(shell, program)}
  ${locals(shell, 'text', 'dir', 'line', 'root', 'name', 'pid', 'start', 'boot', 'end', 'state', 'status', 'rest')}
  case "$#,\${1-}" in
${envCase(facts)}    2,use)
      case $2 in
        -?*) ;;
        *)
          (
            unset ${CLIENT} DOCKER_CONTEXT
            command ${program} "$@"
          ) || return
          unset ${CLIENT} DOCKER_CONTEXT
          return
          ;;
      esac
      ;;
    3,use)
      case "$2 $3" in
        '--shell -u' | '--shell --unset' | '-u --shell' | '--unset --shell')
          unset ${CLIENT}
          return
          ;;
        '--shell '[!-]*)
          @here "$3"
          return
          ;;
        [!-]*' --shell')
          @here "$2"
          return
          ;;
      esac
      ;;
  esac
  command ${program} "$@"
}
`
}

function envCase({ program, shell, form }: ShellFacts): string {
  if (form === undefined) return ''
  return `    2,env)
      @status=1
      if [ "\${SHELL-},\${__fish_bin_dir-}" = ${shWord(`${shell},`)} ]; then
        @status=0
        @read "$2" ${form} || @status=$?
      fi
      case $@status in
        0)
          printf ${shWord(`%s${hintFormat(program, form)}`)} "$@text" "$2"
          return
          ;;
        2)
          TSMACHINE_NO_FAST=1 command ${program} "$@"
          return
          ;;
      esac
      ;;
`
}

function here({ program }: ShellFacts, shell: PosixShell): string {
  return `# @here NAME: points this shell alone at a machine.
${head(shell, '@here')}
  @read "$1" sh || @text=$(command ${program} env --shell sh "$1") || return
  eval "$@text"
  unset DOCKER_CONTEXT
  printf 'This shell uses "%s" now\\n' "$1"
}
`
}

/** proc(5): the state is field 3, the start time field 22; field 2 is the program's name in parentheses. */
const PROC_STAT = Array.from({ length: 23 }, (_, index) =>
  index === 2 ? '@state' : index === 21 ? '@line' : '@rest',
).join(' ')

function reader({ root, storagePath, home }: ShellFacts, shell: PosixShell): string {
  const seen = shWord(`${storagePath},${home},`)
  return `# @read NAME FORM: what env answers, from the file that is kept for shells, in @text. Ends with 1 where only the
# program can tell, and with 2 where it should make that file again.
${head(shell, '@read')}
  @text= @root= @name= @pid= @start= @boot= @end=
  case $1 in
    '' | [!A-Za-z0-9]* | *[!A-Za-z0-9_.-]*) return 1 ;;
  esac
  [ "\${MACHINE_STORAGE_PATH-},\${HOME-},\${MACHINE_DEBUG-}" = ${seen} ] || return 1
  @dir=${root === undefined ? '/dev/null/' : shWord(`${root}/machines/`)}$1
  [ -r "$@dir/shell-env" ] && [ -r "$@dir/config.json" ] && [ -r "$@dir/tsmachine.json" ] || return 1
  [ "$@dir/shell-env" -nt "$@dir/config.json" ] || return 2
  [ "$@dir/shell-env" -nt "$@dir/tsmachine.json" ] || return 2
  while IFS= read -r @line; do
    case $@line in
      "$2 "*) @text="$@text\${@line#* }
" ;;
      'root '*) @root=\${@line#* } ;;
      'name '*) @name=\${@line#* } ;;
      'pid '*) @pid=\${@line#* } ;;
      'start '*) @start=\${@line#* } ;;
      'boot '*) @boot=\${@line#* } ;;
      ${shWord(LAST_LINE)}) @end=1 ;;
    esac
  done 2>/dev/null <"$@dir/shell-env" || return 1
  [ -n "$@end" ] && [ "$@root" = ${shWord(root ?? '')} ] && [ "$@name" = "$1" ] || return 1
  [ -n "$@pid" ] || return 0
  { IFS= read -r @line </proc/sys/kernel/random/boot_id; } 2>/dev/null || return 1
  [ "$@line" = "$@boot" ] || return 1
  { IFS=' ' read -r ${PROC_STAT} <"/proc/$@pid/stat"; } 2>/dev/null || return 1
  case $@state in
    [ZX]) return 1 ;;
  esac
  [ "$@line" = "$@start" ] || return 1
}
`
}

function prompt(shell: PosixShell): string {
  const shown = shell === 'zsh' ? '${@name//\\%/%%}' : '$@name'
  return `# @ps1 [FORMAT]: the machine that this shell is at, for a prompt; with TSMACHINE_PS1_CONTEXT set also the Docker context
# where that decides. Starts no process, and keeps $?.
${head(shell, '@ps1')}
  ${shell === 'sh' ? '' : 'local @line '}@status=$? @name="\${DOCKER_MACHINE_NAME-}"
  [ -n "$@name" ] || [ -z "\${TSMACHINE_PS1_CONTEXT-}" ] || @context
  [ -z "$@name" ] || printf -- "\${1- [%s]}" "${shown}"
  return "$@status"
}

${head(shell, '@context')}
  @name=\${DOCKER_CONTEXT-}
  [ -z "$@name\${DOCKER_HOST-}" ] || return 0
  set -- "\${DOCKER_CONFIG:-\${HOME-}/.docker}/config.json"
  [ -r "$1" ] || return 0
  while IFS= read -r @line || [ -n "$@line" ]; do
    case $@line in
      *'"currentContext": "'*)
        @name=\${@line#*'"currentContext": "'}
        @name=\${@name%%'"'*}
        ;;
    esac
  done <"$1"
}
`
}
