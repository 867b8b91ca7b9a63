import { LAST_LINE } from './shell-env-text.js'
import { CLIENT_VARIABLES, type ShellFacts, withOwnNames } from './shell-facts.js'
import { hintFormat } from './shell-functions.js'
import { fishWord } from './shell-quote.js'

const CLIENT = CLIENT_VARIABLES.join(' ')

/** The same functions for fish. */
export function fishFunctions(facts: ShellFacts): string {
  return withOwnNames(facts.program, [wrapper(facts), here(facts), reader(facts), PROMPT].join('\n'))
}

function wrapper(facts: ShellFacts): string {
  const { program } = facts
  return `# The program, and what it cannot do from outside: ${program} shell-init --help.
function ${program} --description 'Docker hosts'
    switch (count $argv)" $argv[1..3]"
${envCase(facts)}        case '2 use -'
            @use $argv
            return
        case '2 use -*'
            # Flags of the program.
        case '2 use *'
            @use $argv
            return
        case '3 use --shell -u' '3 use --shell --unset' '3 use -u --shell' '3 use --unset --shell'
            set -e ${CLIENT}
            return 0
        case '3 use --shell -*' '3 use -* --shell'
            # The program says what is wrong.
        case '3 use --shell *'
            @here $argv[3]
            return
        case '3 use * --shell'
            @here $argv[2]
            return
    end
    command ${program} $argv
end

# @use use NAME: the variables that win over a context are gone before and after.
function @use
    begin
${[...CLIENT_VARIABLES, 'DOCKER_CONTEXT'].map((name) => `        set -lu ${name}\n`).join('')}        command ${program} $argv
    end
    or return
    set -e ${CLIENT} DOCKER_CONTEXT
    return 0
end
`
}

function envCase({ program, shell, form }: ShellFacts): string {
  if (form === undefined) return ''
  return `        case '2 env *'
            if test "$SHELL" = ${fishWord(shell)}
                set -l text (@read $argv[2] ${form})
                switch $status
                    case 0
                        printf '%s\\n' $text
                        printf ${fishWord(hintFormat(program, form))} $argv[2]
                        return
                    case 2
                        set -lx TSMACHINE_NO_FAST 1
                        command ${program} $argv
                        return
                end
            end
`
}

function here({ program }: ShellFacts): string {
  return `# @here NAME: points this shell alone at a machine.
function @here
    set -l text (@read $argv[1] fish)
    or set text (command ${program} env --shell fish $argv[1])
    or return
    printf '%s\\n' $text | source
    set -e DOCKER_CONTEXT
    printf 'This shell uses "%s" now\\n' $argv[1]
end
`
}

function reader({ root, storagePath, home }: ShellFacts): string {
  return `# @read NAME FORM: what env answers, from the file that is kept for shells. Ends with 1 where only the program can tell,
# and with 2 where it should make that file again.
function @read
    string match -qr '^[A-Za-z0-9][A-Za-z0-9_.-]*$' -- $argv[1]
    and test "$MACHINE_STORAGE_PATH,$HOME,$MACHINE_DEBUG" = ${fishWord(`${storagePath},${home},`)}
    or return 1
    set -l dir ${root === undefined ? '/dev/null/' : fishWord(`${root}/machines/`)}$argv[1]
    test -r $dir/shell-env -a -r $dir/config.json -a -r $dir/tsmachine.json
    or return 1
    test $dir/shell-env -nt $dir/config.json -a $dir/shell-env -nt $dir/tsmachine.json 2>/dev/null
    or return 2
    set -l text
    set -l facts
    set -l complete
    while read -lL line
        switch $line
            case "$argv[2] *"
                set -a text (string replace -r '^\\S+ ' '' -- $line)
            case ${fishWord(LAST_LINE)}
                set complete 1
            case 'sh *' 'fish *'
            case '*'
                set -a facts $line
        end
    end <$dir/shell-env
    test -n "$complete" -a "$facts[1]" = ${fishWord(`root ${root ?? ''}`)} -a "$facts[2]" = "name $argv[1]"
    or return 1
    if set -q facts[3]
        set -l proc (string replace 'pid ' /proc/ -- $facts[3])/stat
        test -r /proc/sys/kernel/random/boot_id -a -r $proc
        and read -lL boot </proc/sys/kernel/random/boot_id
        and test "$facts[5]" = "boot $boot"
        and read -lL stat <$proc
        or return 1
        set -l fields (string split ' ' -- $stat)
        contains -- "$fields[3]" Z X
        and return 1
        test "$facts[4]" = "start $fields[22]"
        or return 1
    end
    printf '%s\\n' $text
end
`
}

const PROMPT = `# @ps1 [FORMAT]: the machine that this shell is at, for a prompt; with TSMACHINE_PS1_CONTEXT set also the Docker context
# where that decides. Starts no process, and keeps $status.
function @ps1
    set -l kept $status
    set -l name $DOCKER_MACHINE_NAME
    if test -z "$name" -a -n "$TSMACHINE_PS1_CONTEXT"
        set name (@context)
    end
    set -l format ' [%s]'
    set -q argv[1]
    and set format $argv[1]
    test -z "$name"
    or printf $format $name
    return $kept
end

function @context
    if test -n "$DOCKER_CONTEXT"
        printf '%s\\n' $DOCKER_CONTEXT
    else if test -z "$DOCKER_HOST"
        set -l folder $DOCKER_CONFIG
        test -n "$folder"
        or set folder $HOME/.docker
        test -r $folder/config.json
        and string match -rg '"currentContext": "([^"]*)"' <$folder/config.json
    end
end
`
