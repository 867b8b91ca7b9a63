import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'
import type { TlsFiles } from '../contracts/record.js'
import { goBoolean } from '../util/go-values.js'
import { type KnownFlag, readGoFlags } from './go-flags.js'
import type { GlobalOptions } from './session.js'

const GLOBAL = { helpGroup: 'GLOBAL' }
const file = (summary: string) => Flags.string({ ...GLOBAL, helpValue: 'FILE', summary })
/** Kept so that scripts which give one still run. The value is neither used nor shown. */
const ignoredToken = (variable: string) =>
  Flags.string({ ...GLOBAL, helpValue: 'TOKEN', summary: `Accepted and ignored. [env: ${variable}]` })

/** Flags of every command. docker-machine takes them only before the command; both places work here. */
export const GLOBAL_FLAGS = {
  debug: Flags.boolean({
    char: 'D',
    summary: 'Say in detail what is done, on stderr. [env: MACHINE_DEBUG]',
    ...GLOBAL,
  }),
  'storage-path': Flags.string({
    char: 's',
    helpValue: 'DIR',
    summary: 'Where machines are kept. [env: MACHINE_STORAGE_PATH, default: ~/.docker/machine]',
    ...GLOBAL,
  }),
  'tls-ca-cert': file('CA certificate, made when missing. [env: MACHINE_TLS_CA_CERT]'),
  'tls-ca-key': file("CA certificate's key. [env: MACHINE_TLS_CA_KEY]"),
  'tls-client-cert': file('Client certificate, made when missing. [env: MACHINE_TLS_CLIENT_CERT]'),
  'tls-client-key': file("Client certificate's key. [env: MACHINE_TLS_CLIENT_KEY]"),
  'native-ssh': Flags.boolean({
    summary: 'Use the built-in SSH client instead of the ssh program. [env: MACHINE_NATIVE_SSH]',
    ...GLOBAL,
  }),
  'github-api-token': ignoredToken('MACHINE_GITHUB_API_TOKEN'),
  'bugsnag-api-token': ignoredToken('MACHINE_BUGSNAG_API_TOKEN'),
  json: Flags.boolean({ summary: 'Answer with one JSON document alone on stdout.', ...GLOBAL }),
}

/** The same for reading a command line. */
export const KNOWN_GLOBALS: readonly KnownFlag[] = Object.entries(GLOBAL_FLAGS).map(([name, flag]) => ({
  name,
  char: flag.char,
  takesValue: flag.type === 'option',
}))

/** Global flags as they were given; absent means not given. */
export interface GivenGlobals {
  readonly debug?: boolean | undefined
  readonly json?: boolean | undefined
  readonly 'native-ssh'?: boolean | undefined
  readonly 'storage-path'?: string | undefined
  readonly 'tls-ca-cert'?: string | undefined
  readonly 'tls-ca-key'?: string | undefined
  readonly 'tls-client-cert'?: string | undefined
  readonly 'tls-client-key'?: string | undefined
}

/** Global flags in front of the command, and what remains. @throws MachineError `usage` when a value is missing */
export function takeLeadingGlobals(argv: readonly string[]): { given: GivenGlobals; rest: string[] } {
  const { words, rest } = readGoFlags(argv, KNOWN_GLOBALS, { stopAtWord: true, stopAtUnknown: true })
  return { given: givenGlobals(words), rest }
}

/** Global flags among words that `readGoFlags` has read. */
export function givenGlobals(words: readonly string[]): GivenGlobals {
  return Object.fromEntries(
    flagWords(words).map((word) => {
      const [, name = '', value] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? []
      return [name, value ?? true]
    }),
  )
}

function flagWords(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  const globals = new Set(KNOWN_GLOBALS.map(({ name }) => `--${name}`))
  return words.slice(0, end < 0 ? undefined : end).filter((word) => globals.has(word.replace(/=.*$/s, '')))
}

type Environment = Readonly<Record<string, string | undefined>>

/** Global flags with what the environment says; an empty variable counts as unset, what the command line says wins. */
export function globalOptions(env: Environment, ...given: readonly GivenGlobals[]): GlobalOptions {
  const flags: GivenGlobals = Object.assign({}, ...given.map(defined)) as GivenGlobals
  const storagePath = flags['storage-path']
  return {
    debug: flags.debug ?? debugFromEnvironment(env['MACHINE_DEBUG']),
    json: flags.json ?? false,
    // docker-machine drops a value that is no boolean in silence, and both clients do the same.
    nativeSsh: flags['native-ssh'] ?? goBoolean(env['MACHINE_NATIVE_SSH'] ?? '') ?? false,
    tlsFiles: tlsFiles(env, flags),
    ...(storagePath === undefined ? {} : { storagePath }),
  }
}

/** The parser says false for a switch that was not given. */
function defined(given: GivenGlobals): GivenGlobals {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== false),
  )
}

const TLS_FILES = [
  ['caCert', 'tls-ca-cert', 'MACHINE_TLS_CA_CERT'],
  ['caKey', 'tls-ca-key', 'MACHINE_TLS_CA_KEY'],
  ['clientCert', 'tls-client-cert', 'MACHINE_TLS_CLIENT_CERT'],
  ['clientKey', 'tls-client-key', 'MACHINE_TLS_CLIENT_KEY'],
] as const

/** Records outlive the directory that we are in: paths are absolute from here on. */
function tlsFiles(env: Environment, flags: GivenGlobals): TlsFiles {
  return Object.fromEntries(
    TLS_FILES.flatMap(([part, flag, variable]) => {
      const path = flags[flag] || env[variable]
      return path ? [[part, resolve(path)] as const] : []
    }),
  )
}

/** MACHINE_DEBUG as docker-machine reads it. @throws MachineError `usage` for anything but a Go boolean */
export function debugFromEnvironment(value = ''): boolean {
  const read = value === '' ? false : goBoolean(value)
  if (read !== undefined) return read
  throw new MachineError(
    'usage',
    `Error parsing boolean value from MACHINE_DEBUG: "${value}" is not true or false`,
  )
}
