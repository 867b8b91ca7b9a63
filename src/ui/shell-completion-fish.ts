import { type Completion, type CompletionTable, keyedWords, kindWord } from './shell-completion.js'
import { withOwnNames } from './shell-facts.js'
import { fishWord } from './shell-quote.js'

/** Completion for fish, with summaries. */
export const fishCompletion: Completion = ({ program }, table) =>
  withOwnNames(
    program,
    `${choice('list', '$argv[1]', lists(table))}
${choice('kind', '"$argv[1] $argv[2]"', kinds(table))}
${choice('operand', '$argv[1]', operands(table))}
${COMPLETE}
complete -c ${program} -e
complete -c ${program} -f -a '(@complete)'
`,
  )

type Case = readonly [patterns: readonly string[], lines: readonly string[]]

/** A function that prints what belongs to the first pattern that its words match. */
function choice(name: string, subject: string, cases: readonly Case[]): string {
  const parts = cases.map(
    ([patterns, lines]) =>
      `        case ${patterns.map(fishWord).join(' ')}\n            printf '%s\\n' ${lines.map(fishWord).join(' ')}\n`,
  )
  return `function @${name}\n    switch ${subject}\n${parts.join('')}    end\nend`
}

function lists(table: CompletionTable): readonly Case[] {
  return keyedWords(table).map(({ key, words }) => [
    [key],
    words.map(({ word, summary }) => (summary === '' ? word : `${word}\t${summary}`)),
  ])
}

function kinds(table: CompletionTable): readonly Case[] {
  return table.values.map((value) => [
    value.flags.map((flag) => `${value.command} ${flag}`),
    [kindWord(value)],
  ])
}

function operands(table: CompletionTable): readonly Case[] {
  return Object.entries(table.operands).map(([command, operand]) => [[command], [operand]])
}

const COMPLETE = `
function @complete
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l driver $MACHINE_DRIVER
    test -n "$driver"
    or set driver qemu
    set -l cmd ''
    set -l given 0
    set -l kind
    set -l pending ''
    for word in $words[2..-1]
        if test -n "$pending"
            test $pending = drivers
            and set driver $word
            set pending ''
            continue
        end
        switch $word
            case '-*=*'
            case '-*'
                set pending (@kind "$cmd" $word)
            case '*'
                if test -z "$cmd"
                    set cmd $word
                else if test -n "$(@list "group $cmd")"
                    set cmd "$cmd $word"
                else
                    set given (math $given + 1)
                end
        end
    end
    set kind $pending
    if test -z "$kind"; and string match -q -- '-*=*' $cur
        set -l flag (string replace -r '=.*' '' -- $cur)
        set kind (@kind "$cmd" $flag)
        test -n "$kind"
        and @offer $kind | string replace -r '^' -- "$flag="
        return 0
    end
    if test -n "$kind"
        @offer $kind
    else if string match -q -- '-*' $cur
        @list "flags $cmd"
        @list "flags $cmd $driver"
        @list globals
    else if test -z "$cmd" -o "$cmd" = help
        @list commands
    else if test -n "$(@list "group $cmd")"
        @list "group $cmd"
    else
        set -l operand (@operand $cmd)
        if test -n "$operand"; and not test "$operand" = machine -a $given -gt 0
            @offer $operand
        end
    end
    return 0
end

function @offer
    switch $argv[1]
        case any
        case machine machines
            @machines
        case place
            string replace -r '$' : -- (@machines)
            __fish_complete_path (commandline -ct)
        case file
            __fish_complete_path (commandline -ct)
        case directory
            __fish_complete_directories (commandline -ct)
        case '*'
            @list $argv[1]
    end
end

function @machines
    set -l root $MACHINE_STORAGE_PATH
    test -n "$root"
    or set root $HOME/.docker/machine
    for folder in $root/machines/*/
        set -l machine (string replace -r '/$' '' -- $folder)
        test -L $machine
        or string replace -r '.*/' '' -- $machine
    end
end
`
