import { bashCompletion } from './shell-completion-bash.js'
import { fishCompletion } from './shell-completion-fish.js'
import type { Completion, CompletionTable } from './shell-completion.js'
import { zshCompletion } from './shell-completion-zsh.js'
import type { FunctionShell, ShellFacts } from './shell-facts.js'
import { fishFunctions } from './shell-functions-fish.js'
import { posixFunctions } from './shell-functions.js'

const COMPLETIONS: Readonly<Record<Exclude<FunctionShell, 'sh'>, Completion>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** The script that `shell-init` prints; a plain POSIX shell completes nothing. */
export function shellInit(shell: FunctionShell, facts: ShellFacts, table: CompletionTable): string {
  const functions = shell === 'fish' ? fishFunctions(facts) : posixFunctions(facts, shell)
  return shell === 'sh' ? functions : `${functions}\n${COMPLETIONS[shell](facts, table)}`
}
