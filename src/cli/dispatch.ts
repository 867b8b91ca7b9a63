import { type Command, Config, Help } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'
import { nearest } from '../util/nearest.js'
import { packageRoot } from '../util/paths.js'
import type { BaseCommand } from './base-command.js'
import { bindSession, type Session } from './session.js'
import { versionLine } from './version.js'

const HELP_WORDS: readonly string[] = ['help', 'h', '--help', '-h']
const VERSION_WORDS: readonly string[] = ['--version', '-v']

/** Finds the command that the words name and runs it. Returns the exit status. */
export async function dispatch(session: Session, words: readonly string[]): Promise<number> {
  if (VERSION_WORDS.includes(words[0] ?? '')) {
    process.stdout.write(versionLine(session.profile) + '\n')
    return 0
  }
  const config = await loadConfig(session)
  if (words.length === 0 || HELP_WORDS.includes(words[0] ?? '')) return await showHelp(config, words.slice(1))
  const found = findCommand(config, words)
  if (!found) return await withoutCommand(config, session, words)
  if (wantsHelp(found)) return await showHelp(config, found.command.id.split(':'))
  const CommandClass = (await found.command.load()) as unknown as typeof BaseCommand
  await CommandClass.runBound(found.args, config)
  return 0
}

/** oclif's configuration under the name that we were called by. */
async function loadConfig(session: Session): Promise<Config> {
  const config = await withShell(() => Config.load({ root: packageRoot() }))
  config.bin = session.profile.program
  bindSession(config, session)
  return config
}

/** Without SHELL oclif looks the user up, and fails for one without an entry in passwd (containers with any uid). */
async function withShell<T>(work: () => Promise<T>): Promise<T> {
  if (process.env['SHELL'] !== undefined) return await work()
  process.env['SHELL'] = ''
  try {
    return await work()
  } finally {
    delete process.env['SHELL']
  }
}

interface Found {
  readonly command: Command.Loadable
  readonly args: readonly string[]
}

/** Two words name a command of a group (`image build`), one word any other. */
function findCommand(config: Config, words: readonly string[]): Found | undefined {
  for (const count of [2, 1]) {
    const id = words.slice(0, count).join(':')
    const command = words.length >= count ? config.findCommand(id) : undefined
    if (command) return { command, args: words.slice(count) }
  }
  return undefined
}

/** `ssh NAME ls --help` asks the remote `ls`: commands that pass words on take help only as their first word. */
function wantsHelp({ command, args }: Found): boolean {
  const end = args.indexOf('--')
  const own =
    command['passesArguments'] === true ? args.slice(0, 1) : args.slice(0, end < 0 ? undefined : end)
  return own.includes('--help') || own.includes('-h')
}

async function withoutCommand(config: Config, session: Session, words: readonly string[]): Promise<number> {
  const [topic = '', sub] = words
  const inTopic = config.commandIDs
    .filter((id) => id.startsWith(`${topic}:`))
    .map((id) => id.split(':')[1] ?? '')
  if (inTopic.length > 0 && (sub === undefined || sub === '--help' || sub === '-h'))
    return await showHelp(config, [topic])
  if (inTopic.length > 0)
    throw unknownCommand(session, `${topic} ${sub ?? ''}`, nearest(sub ?? '', inTopic), `${topic} `)
  const names = config.commandIDs.map((id) => id.split(':')[0] ?? '')
  throw unknownCommand(session, topic, nearest(topic, [...new Set(names)]), '')
}

function unknownCommand(
  session: Session,
  given: string,
  near: string | undefined,
  prefix: string,
): MachineError {
  const program = session.profile.program
  const message = `${program}: '${given}' is not a ${program} command. See '${program} --help'.`
  return new MachineError('usage', message, {
    hints: near ? [`Did you mean '${program} ${prefix}${near}'?`] : [],
  })
}

async function showHelp(config: Config, words: readonly string[]): Promise<number> {
  const id = words.filter((word) => !word.startsWith('-')).join(':')
  const known =
    id === '' || config.findCommand(id) || config.commandIDs.some((other) => other.startsWith(`${id}:`))
  if (!known) {
    const program = config.bin
    throw new MachineError(
      'usage',
      `${program}: '${words.join(' ')}' is not a ${program} command. See '${program} --help'.`,
    )
  }
  await new Help(config, { ...config.pjson.oclif.helpOptions, stripAnsi: !process.stdout.isTTY }).showHelp(
    id === '' ? [] : [id],
  )
  return 0
}
