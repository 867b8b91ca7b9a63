import type { Command, Config } from '@oclif/core'
import { driverNames } from '../drivers/registry.js'
import type {
  CompletionTable,
  CompletionWord,
  FlagValue,
  Operand,
  ValueKind,
} from '../ui/shell-completion.js'
import { FUNCTION_SHELLS } from '../ui/shell-facts.js'
import { SHELLS } from '../ui/shell-env.js'
import { driverGroup } from './create-help.js'
import { GLOBAL_FLAGS } from './global-flags.js'

/** Where it is not the argument's description that tells. */
const OPERANDS: Readonly<Record<string, Operand>> = {
  drivers: 'drivers',
  'secret set': 'drivers',
  'secret rm': 'drivers',
  scp: 'place',
  mount: 'place',
  import: 'file',
  'image import': 'file',
  'driver install': 'file',
  'shell-init': 'shells',
}

/** Everything that can be completed without asking anybody, out of the manifest: no command is loaded. */
export function completionTable({ commands, topics }: Config): CompletionTable {
  const shown = commands.filter(({ hidden }) => !hidden)
  const single = shown.filter(({ id }) => !id.includes(':'))
  const groups = topics.filter(({ name }) => shown.some(({ id }) => id.startsWith(`${name}:`)))
  const globals = Object.entries(GLOBAL_FLAGS).map(([name, flag]) => word(`--${name}`, flag.summary))
  return {
    commands: [
      ...single.map((command) => word(command.id, command.summary)),
      ...groups.map(({ name, description }) => word(name, description)),
      word('help', 'Help for a command'),
    ].toSorted(byWord),
    groups: Object.fromEntries(groups.map(({ name }) => [name, commandsOf(name, shown)])),
    globals: [...globals, word('--help', 'Help for the command')],
    flags: Object.fromEntries(shown.flatMap(flagLists)),
    values: flagValues(shown),
    operands: Object.fromEntries(shown.flatMap(operandOf)),
    lists: { drivers: driverNames(), shells: FUNCTION_SHELLS },
  }
}

function commandsOf(group: string, commands: readonly Command.Loadable[]): readonly CompletionWord[] {
  const inside = commands.filter(({ id }) => id.startsWith(`${group}:`))
  return inside.map(({ id, summary }) => word(id.slice(group.length + 1), summary)).toSorted(byWord)
}

const nameOf = ({ id }: Command.Loadable): string => id.replace(':', ' ')

const ownFlags = ({ flags }: Command.Loadable) =>
  Object.values(flags).filter(({ name, hidden }) => !hidden && !Object.hasOwn(GLOBAL_FLAGS, name))

/** A command's own flags, and for `create` those of each driver by themselves. */
function flagLists(command: Command.Loadable): readonly (readonly [string, readonly CompletionWord[]])[] {
  const name = nameOf(command)
  const groups = ['', ...driverNames().map(driverGroup)]
  return groups.flatMap((group) => {
    const flags = ownFlags(command).filter(({ helpGroup = '' }) =>
      group === '' ? !groups.includes(helpGroup) || helpGroup === '' : helpGroup === group,
    )
    const key = group === '' ? name : `${name} ${driverNames()[groups.indexOf(group) - 1] ?? ''}`
    return flags.length > 0 ? [[key, flags.flatMap(flagWords)] as const] : []
  })
}

function flagWords(flag: Command.Flag.Cached): readonly CompletionWord[] {
  const no = flag.type === 'boolean' && flag.allowNo ? [word(`--no-${flag.name}`, flag.summary)] : []
  return [word(`--${flag.name}`, flag.summary), ...no]
}

/** One entry for all commands where they agree; else the commands' own come first. */
function flagValues(commands: readonly Command.Loadable[]): readonly FlagValue[] {
  const given = commands.flatMap((command) =>
    Object.values(command.flags).map((flag) => ({ command: nameOf(command), flag })),
  )
  const names = [...new Set(given.map(({ flag }) => flag.name))]
  return names
    .flatMap((name) => {
      const uses = given.filter(({ flag }) => flag.name === name)
      const agreed = new Set(uses.map(({ flag }) => JSON.stringify(kindOf(flag) ?? null))).size === 1
      return (agreed ? uses.slice(0, 1) : uses).flatMap(({ command, flag }) => {
        const kind = kindOf(flag)
        return kind === undefined ? [] : [{ command: agreed ? '*' : command, flags: spellings(flag), kind }]
      })
    })
    .toSorted((a, b) => Number(a.command === '*') - Number(b.command === '*'))
}

function spellings({ name, char }: Command.Flag.Cached): readonly string[] {
  return [`--${name}`, ...(char === undefined ? [] : [`-${char}`])]
}

/** Undefined for a switch. */
function kindOf(flag: Command.Flag.Cached): ValueKind | undefined {
  if (flag.type !== 'option') return undefined
  if (flag.options) return { of: flag.options }
  if (flag.name === 'driver') return 'drivers'
  if (flag.name === 'shell') return { of: SHELLS }
  const { helpValue = '' } = flag
  const placeholder = typeof helpValue === 'string' ? helpValue : helpValue.join(' ')
  if (placeholder === 'DIR') return 'directory'
  return /\bFILE\b|\bPATH\b/.test(placeholder) ? 'file' : 'any'
}

function operandOf(command: Command.Loadable): readonly (readonly [string, Operand])[] {
  const name = nameOf(command)
  const description = command.args['name']?.description ?? ''
  const told = /^Machines/.test(description)
    ? 'machines'
    : /^Machine/.test(description)
      ? 'machine'
      : undefined
  const operand = OPERANDS[name] ?? told
  return operand === undefined ? [] : [[name, operand]]
}

const SUMMARY_LENGTH = 70

/** The first sentence, as far as it fits on a line. */
function word(text: string, summary = ''): CompletionWord {
  const sentence = summary.split(/\.(?:\s|$)|\s\[|\n/)[0] ?? ''
  return {
    word: text,
    summary: sentence.length > SUMMARY_LENGTH ? `${sentence.slice(0, SUMMARY_LENGTH - 3)}...` : sentence,
  }
}

function byWord(a: CompletionWord, b: CompletionWord): number {
  return a.word < b.word ? -1 : 1
}
