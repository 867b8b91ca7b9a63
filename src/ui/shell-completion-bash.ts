import { type Completion, type CompletionTable, keyedWords, kindWord } from './shell-completion.js'
import { withOwnNames } from './shell-facts.js'
import { shWord } from './shell-quote.js'

/** Completion for bash, also the 3.2 of macOS: everything is in the script, machines are the store's directories. */
export const bashCompletion: Completion = ({ program }, table) =>
  withOwnNames(
    program,
    `${lists(table)}
${kinds(table)}
${operands(table)}
${COMPLETE}
complete -F @complete ${program}
`,
  )

function lists(table: CompletionTable): string {
  const cases = keyedWords(table).map(
    ({ key, words }) => `    ${shWord(key)}) REPLY=${shWord(words.map(({ word }) => word).join(' '))} ;;\n`,
  )
  return `@list() {\n  REPLY=\n  case $1 in\n${cases.join('')}  esac\n}`
}

/** REPLY is what follows a flag of a command, empty for a switch. Also what zsh asks. */
export function kinds(table: CompletionTable): string {
  const cases = table.values.map((value) => {
    const patterns = value.flags.map((flag) =>
      value.command === '*' ? `*' ${flag}'` : shWord(`${value.command} ${flag}`),
    )
    return `    ${patterns.join(' | ')}) REPLY=${shWord(kindWord(value))} ;;\n`
  })
  return `@kind() {\n  REPLY=\n  case "$1 $2" in\n${cases.join('')}  esac\n}`
}

/** REPLY is what follows a command. */
export function operands(table: CompletionTable): string {
  const cases = Object.entries(table.operands).map(
    ([command, operand]) => `    ${shWord(command)}) REPLY=${operand} ;;\n`,
  )
  return `@operand() {\n  REPLY=\n  case $1 in\n${cases.join('')}  esac\n}`
}

const COMPLETE = `
@complete() {
  local cur=\${COMP_WORDS[COMP_CWORD]} word kind= cmd= given=0 driver=\${MACHINE_DRIVER:-qemu} i REPLY
  COMPREPLY=()
  [[ $cur == = ]] && cur=
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      -*)
        @kind "$cmd" "$word"
        [[ -n $REPLY ]] || continue
        i=$((i + 1))
        [[ \${COMP_WORDS[i]-} == = ]] && i=$((i + 1))
        if ((i >= COMP_CWORD)); then kind=$REPLY; elif [[ $REPLY == drivers ]]; then driver=\${COMP_WORDS[i]}; fi
        ;;
      *)
        @list "group $cmd"
        if [[ -z $cmd ]]; then cmd=$word; elif [[ -n $REPLY ]]; then cmd="$cmd $word"; else given=$((given + 1)); fi
        ;;
    esac
  done
  if [[ -n $kind ]]; then
    @offer "$kind" "$cur"
  elif [[ $cur == -* ]]; then
    local words
    @list "flags $cmd" && words=$REPLY
    @list "flags $cmd $driver" && words="$words $REPLY"
    @list globals && words="$words $REPLY"
    @match "$words" "$cur"
  elif [[ -z $cmd || $cmd == help ]]; then
    @offer commands "$cur"
  else
    @list "group $cmd"
    if [[ -n $REPLY ]]; then
      @match "$REPLY" "$cur"
    else
      @operand "$cmd"
      [[ $REPLY == machine && $given -gt 0 ]] || @offer "$REPLY" "$cur"
    fi
  fi
  return 0
}

@match() {
  local IFS=' ' word
  for word in $1; do
    if [[ $word == "$2"* ]]; then COMPREPLY+=("$word"); fi
  done
}

@offer() {
  local entry
  case $1 in
    '' | any) ;;
    machine | machines) @machines "$2" '' ;;
    place)
      compopt -o nospace 2>/dev/null || :
      @machines "$2" :
      while IFS= read -r entry; do COMPREPLY+=("$entry"); done < <(compgen -f -- "$2")
      ;;
    file | directory)
      compopt -o filenames 2>/dev/null || :
      while IFS= read -r entry; do COMPREPLY+=("$entry"); done < <(compgen "-\${1:0:1}" -- "$2")
      ;;
    *)
      @list "$1"
      @match "$REPLY" "$2"
      ;;
  esac
}

@machines() {
  local entry
  while IFS= read -r entry; do
    if [[ \${entry##*/} != .* && ! -L $entry ]]; then COMPREPLY+=("\${entry##*/}$2"); fi
  done < <(compgen -d -- "\${MACHINE_STORAGE_PATH:-$HOME/.docker/machine}/machines/$1")
}
`
