import { type Completion, type CompletionTable, keyedWords } from './shell-completion.js'
import { kinds, operands } from './shell-completion-bash.js'
import { withOwnNames } from './shell-facts.js'
import { shWord } from './shell-quote.js'

/** Completion for zsh, with summaries. It counts once compinit has run. */
export const zshCompletion: Completion = ({ program }, table) =>
  withOwnNames(
    program,
    `${lists(table)}
${kinds(table)}
${operands(table)}
${COMPLETE}
(( $+functions[compdef] )) && compdef @complete ${program} || true
`,
  )

/** `reply` is the list as zsh's \`_describe\` takes it: \`word:summary\`. */
function lists(table: CompletionTable): string {
  const cases = keyedWords(table).map(({ key, words }) => {
    const entries = words.map(({ word, summary }) => shWord(summary === '' ? word : `${word}:${summary}`))
    return `    ${shWord(key)}) reply=(${entries.join(' ')}) ;;\n`
  })
  return `@list() {\n  reply=()\n  case $1 in\n${cases.join('')}  esac\n}`
}

const COMPLETE = `
@complete() {
  local cur=\${words[CURRENT]} word kind= cmd= given=0 driver=\${MACHINE_DRIVER:-qemu} i REPLY
  local -a reply all
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case $word in
      -*=*) ;;
      -*)
        @kind "$cmd" "$word"
        [[ -n $REPLY ]] || continue
        i=$((i + 1))
        if ((i >= CURRENT)); then kind=$REPLY; elif [[ $REPLY == drivers ]]; then driver=\${words[i]}; fi
        ;;
      *)
        @list "group $cmd"
        if [[ -z $cmd ]]; then cmd=$word; elif (( $#reply )); then cmd="$cmd $word"; else given=$((given + 1)); fi
        ;;
    esac
  done
  if [[ -z $kind && $cur == -*=* ]]; then
    @kind "$cmd" "\${cur%%=*}"
    kind=\${REPLY:-any}
    compset -P '*='
  fi
  if [[ -n $kind ]]; then
    @offer "$kind"
  elif [[ $cur == -* ]]; then
    @list "flags $cmd" && all=($reply)
    @list "flags $cmd $driver" && all+=($reply)
    @list globals && all+=($reply)
    _describe -o flag all
  elif [[ -z $cmd || $cmd == help ]]; then
    @offer commands
  else
    @list "group $cmd"
    if (( $#reply )); then
      _describe command reply
    else
      @operand "$cmd"
      [[ $REPLY == machine && $given -gt 0 ]] || @offer "$REPLY"
    fi
  fi
}

@offer() {
  local -a machines
  machines=("\${MACHINE_STORAGE_PATH:-$HOME/.docker/machine}"/machines/*(N/:t))
  case $1 in
    '' | any) ;;
    machine | machines) compadd -a machines ;;
    place)
      compadd -S : -a machines
      _files
      ;;
    file) _files ;;
    directory) _files -/ ;;
    *)
      @list "$1"
      _describe value reply
      ;;
  esac
}
`
