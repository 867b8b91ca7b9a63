import { type Command, Config, Help } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'
import { nearest } from '../util/nearest.js'
import { homePath, packageRoot } from '../util/paths.js'
import type { BaseCommand } from './base-command.js'
import { furtherDriver } from './driver-word.js'
import type { DriverFlag } from './driver-flags.js'
import { givenGlobals, KNOWN_GLOBALS } from './global-flags.js'
import { type CommandLine, type KnownFlag, readGoFlags, unknownFlag } from './go-flags.js'
import { bindSession, type Session } from './session.js'
import { versionLine } from './version.js'

const HELP_WORDS: readonly string[] = ['help', 'h', '--help', '-help', '-h']
const VERSION_WORDS: readonly string[] = ['--version', '-version', '-v']

/** Our commands by oclif's ids; one's code is set up when it is looked at. */
export type Commands = Readonly<Record<string, typeof BaseCommand>>

/** Finds the command that the words name and runs it. Returns the exit status. */
export async function dispatch(
  session: Session,
  words: readonly string[],
  commands: Commands,
): Promise<number> {
  if (VERSION_WORDS.includes(words[0] ?? '')) {
    process.stdout.write(versionLine(session.profile) + '\n')
    return 0
  }
  const config = await loadConfig(session)
  if (words.length === 0 || HELP_WORDS.includes(words[0] ?? ''))
    return await showHelp(config, session, words.slice(1))
  if (words[0]?.startsWith('-')) throw unknownFlag(words[0], KNOWN_GLOBALS)
  const found = findCommand(config, words)
  if (!found) return await withoutCommand(config, session, words)
  session.view.command = found.command.id.replace(':', ' ')
  const line = await readWords(session, found)
  noteView(session, line.words)
  if (hasHelp(line.words)) return await showHelp(config, session, found.command.id.split(':'), line.words)
  await runWithHooks(config, found.command, commands, [...line.words, ...line.rest])
  return 0
}

/** As oclif does: the hooks of plugins around a command, ours or a plugin's own. */
async function runWithHooks(
  config: Config,
  command: Command.Loadable,
  commands: Commands,
  argv: string[],
): Promise<void> {
  const { id } = command
  await config.runHook('init', { id, argv })
  const own = commands[id]
  if (own) own.id = id
  const theirs = own ? undefined : await ofPlugin(command, () => command.load())
  const loaded = (theirs ?? own) as unknown as Command.Class
  await config.runHook('prerun', { Command: loaded, argv })
  const result: unknown = theirs
    ? await ofPlugin(command, async () => (await theirs.run(argv, config)) as unknown)
    : await own?.runBound(argv, config)
  await config.runHook('postrun', { Command: loaded, argv, result })
}

/** What fails in there is no bug of ours. */
async function ofPlugin<T>(command: Command.Loadable, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw (await import('./plugin-failure.js')).pluginFailure(error, command.pluginName)
  }
}

const HELP: KnownFlag = { name: 'help', char: 'h', takesValue: false }

/** The command's words as its parser reads them; words that it passes on stay as they are. */
async function readWords(session: Session, { command, args }: Found): Promise<CommandLine> {
  const further = command.id === 'create' ? await furtherOptions(session, args) : {}
  const flags = Object.entries({ ...command.flags, ...further }).map(([name, flag]) => ({
    name,
    char: flag.char,
    takesValue: flag.type === 'option',
    list: flag.type === 'option' && flag.multiple === true,
    negatable: flag.type === 'boolean' && flag.allowNo === true,
  }))
  return readGoFlags(args, [...flags, HELP], { stopAtWord: command['passesArguments'] === true })
}

/** What `create` takes besides for a driver that is not built in. @throws MachineError `usage` for one that is not here */
async function furtherOptions(
  session: Session,
  args: readonly string[],
): Promise<Readonly<Record<string, DriverFlag>>> {
  const driver = await furtherDriver(session, args)
  return driver ? (await import('./further-flags.js')).furtherFlags(driver) : {}
}

function noteView({ view, given }: Session, words: readonly string[]): void {
  const globals = givenGlobals(words)
  view.json = given.json === true || globals.json === true
  view.debug ||= globals.debug === true
}

function hasHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? undefined : end).includes('--help')
}

/** oclif's configuration under the name that we were called by. */
async function loadConfig(session: Session): Promise<Config> {
  // oclif looks for it as well, and fails without saying what is missing.
  homePath(session.env)
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

async function withoutCommand(config: Config, session: Session, words: readonly string[]): Promise<number> {
  const [topic = '', sub] = words
  const inTopic = config.commandIDs
    .filter((id) => id.startsWith(`${topic}:`))
    .map((id) => id.split(':')[1] ?? '')
  if (inTopic.length > 0 && (sub === undefined || sub === '--help' || sub === '-h'))
    return await showHelp(config, session, [topic])
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

async function showHelp(
  config: Config,
  session: Session,
  words: readonly string[],
  given: readonly string[] = [],
): Promise<number> {
  const id = words.filter((word) => !word.startsWith('-')).join(':')
  const known =
    id === '' || config.findCommand(id) || config.commandIDs.some((other) => other.startsWith(`${id}:`))
  if (!known) throw unknownCommand(session, words.join(' '), undefined, '')
  const create = id === 'create' ? config.findCommand(id) : undefined
  if (create) await (await import('./create-help.js')).narrowHelp(create, given, session)
  if (session.profile.story === 'docker-machine') process.stdout.write(usageLines(config.bin, id))
  await new Help(config, { ...config.pjson.oclif.helpOptions, stripAnsi: !process.stdout.isTTY }).showHelp(
    id === '' ? [] : [id],
  )
  if (id === '') process.stdout.write(`Run '${config.bin} help COMMAND' for more on a command.\n`)
  return 0
}

/** docker-machine's first lines of a help, which scripts look for. */
function usageLines(program: string, id: string): string {
  return id === ''
    ? `Usage: ${program} [OPTIONS] COMMAND [arg...]\nOne command's help: ${program} help COMMAND\n\n`
    : `Usage: ${program} ${id.replace(':', ' ')} [OPTIONS] [arg...]\n\n`
}
