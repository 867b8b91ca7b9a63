import { readFile } from 'node:fs/promises'
import { Flags } from '@oclif/core'
import { MachineError, messageOf } from '../contracts/errors.js'
import type { MachineOptions } from '../contracts/record.js'
import { DEFAULT_INSTALL_URL } from '../contracts/record.js'
import { parseSource } from '../machine/access-rules.js'
import { readAuthorizedKeys } from '../machine/given-files.js'
import type { SecretPlace } from '../machine/secrets.js'
import { integerFlag } from './integer-flag.js'
import { SWARM_FLAGS, swarmChoices, type SwarmFlagValues } from './swarm-flags.js'

const ENGINE = { helpGroup: 'ENGINE' }
const list = (summary: string, helpValue: string) =>
  Flags.string({
    ...ENGINE,
    summary: `${summary} [may be repeated]`,
    helpValue,
    multiple: true,
    multipleNonGreedy: true,
  })

export const DEFAULT_PARALLEL = 8

/** Flags of `create` that every driver shares. */
export const CREATE_FLAGS = {
  driver: Flags.string({
    char: 'd',
    helpValue: 'NAME',
    summary: 'What makes the machine. [env: MACHINE_DRIVER; default: qemu]',
  }),
  count: integerFlag({
    char: 'n',
    min: 1,
    helpValue: 'COUNT',
    summary: 'Make so many machines; {n} in the name is 1, 2, 3 ...',
  }),
  parallel: integerFlag({
    min: 1,
    helpValue: 'COUNT',
    summary: `How many machines are made at the same time. [default: ${DEFAULT_PARALLEL}]`,
  }),
  'authorized-key': Flags.string({
    helpValue: 'FILE',
    summary:
      'Public key that may log in as well: a way in that does not lie in this store. [may be repeated]',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'ssh-jump': Flags.string({
    helpValue: 'USER@HOST[:PORT]',
    summary: 'Reach the machine through this host, with your own keys; ~/.ssh/known_hosts must know it.',
  }),
  'engine-access': Flags.string({
    ...ENGINE,
    options: ['tls', 'ssh'],
    helpValue: 'WAY',
    summary:
      'How this computer reaches the engine: tls (its port is open to us), or ssh (it is open to nobody, and a port of this computer leads there; implied by --ssh-jump). [default: tls]',
  }),
  'no-save-secret': Flags.boolean({
    summary: 'Keep no token or password: later commands need the variable or the reference again.',
    exclusive: ['store-secrets'],
  }),
  'store-secrets': Flags.string({
    options: ['backend', 'record'],
    helpValue: 'PLACE',
    summary:
      "Where tokens and passwords stay: backend (credential helper, else private files), or record, in clear text as docker-machine's. [default: backend]",
  }),
  'from-snapshot': Flags.boolean({
    summary:
      'Start from the memory of a suspended VM that has booted and has no identity yet; it is made at first use (qemu).',
  }),
  timing: Flags.boolean({
    summary: 'Say afterwards how long each stage took, on stderr; with --json in the document.',
  }),
  resume: Flags.boolean({ summary: 'Carry on with a create that failed or was interrupted.' }),
  'engine-install-url': Flags.string({
    ...ENGINE,
    helpValue: 'URL',
    summary: 'Install the engine with this script instead of our bundle. [env: MACHINE_DOCKER_INSTALL_URL]',
  }),
  'engine-opt': list("Option of the engine's daemon, as flag=value or flag.", 'OPT'),
  'engine-insecure-registry': list('Registry to use without verified TLS.', 'HOST'),
  'engine-registry-mirror': list('Mirror of the Docker Hub. [env: ENGINE_REGISTRY_MIRROR]', 'URL'),
  'engine-registry-ca': list('CA certificate for pulling from a registry.', 'HOST[:PORT]=FILE'),
  'engine-label': list('Label of the engine.', 'KEY=VALUE'),
  'engine-storage-driver': Flags.string({
    ...ENGINE,
    helpValue: 'NAME',
    summary: 'Storage driver of the engine.',
  }),
  'engine-env': list('Environment variable of the engine.', 'KEY=VALUE'),
  'open-to': Flags.string({
    helpValue: 'here|CIDR|any',
    summary:
      "Whom the provider's firewall lets in besides this computer. [may be repeated; default: here; as docker-machine: any]",
    multiple: true,
    multipleNonGreedy: true,
  }),
  'tls-san': list('Extra name or address in the server certificate.', 'NAME'),
  ...SWARM_FLAGS,
}

/** What oclif's parser makes of them. */
export interface CreateFlagValues extends SwarmFlagValues {
  readonly 'engine-install-url'?: string | undefined
  readonly 'engine-opt'?: readonly string[] | undefined
  readonly 'engine-insecure-registry'?: readonly string[] | undefined
  readonly 'engine-registry-mirror'?: readonly string[] | undefined
  readonly 'engine-registry-ca'?: readonly string[] | undefined
  readonly 'engine-label'?: readonly string[] | undefined
  readonly 'engine-storage-driver'?: string | undefined
  readonly 'engine-env'?: readonly string[] | undefined
  readonly 'open-to'?: readonly string[] | undefined
  readonly 'tls-san'?: readonly string[] | undefined
  readonly 'authorized-key'?: readonly string[] | undefined
  readonly 'ssh-jump'?: string | undefined
  readonly 'engine-access'?: string | undefined
  readonly 'from-snapshot'?: boolean | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** The machine's options; CA files are read here, their text is what is kept. @throws MachineError `usage` */
export async function machineOptions(flags: CreateFlagValues, env: Environment): Promise<MachineOptions> {
  const installUrl = flags['engine-install-url'] ?? env['MACHINE_DOCKER_INSTALL_URL']
  const storageDriver = flags['engine-storage-driver']
  const swarm = swarmChoices(flags, env)
  const authorizedKeys = await readAuthorizedKeys(flags['authorized-key'] ?? [])
  return {
    engine: {
      opts: flags['engine-opt'] ?? [],
      labels: requirePairs('--engine-label', flags['engine-label'] ?? []),
      insecureRegistries: flags['engine-insecure-registry'] ?? [],
      registryMirrors: [
        ...commaList(env['ENGINE_REGISTRY_MIRROR']),
        ...(flags['engine-registry-mirror'] ?? []),
      ],
      env: requirePairs('--engine-env', flags['engine-env'] ?? []),
      registryCas: await registryCas(flags['engine-registry-ca'] ?? []),
      ...(installUrl && installUrl !== DEFAULT_INSTALL_URL ? { installUrl } : {}),
      ...(storageDriver ? { storageDriver } : {}),
    },
    tlsSans: flags['tls-san'] ?? [],
    ...(swarm ? { swarm } : {}),
    ...accessChoice(flags['open-to']),
    ...(authorizedKeys.length > 0 ? { authorizedKeys } : {}),
    ...(flags['ssh-jump'] === undefined ? {} : { sshJump: flags['ssh-jump'] }),
    ...(flags['engine-access'] === 'ssh' ? { engineAccess: 'ssh' as const } : {}),
    ...(flags['from-snapshot'] ? { fromSnapshot: true as const } : {}),
  }
}

/** `here` is always meant: without this computer there is nobody to look after the machine. */
function accessChoice(openTo: readonly string[] | undefined): Pick<MachineOptions, 'access'> {
  if (openTo === undefined) return {}
  const sources = openTo.filter((source) => source !== 'here').map(parseSource)
  return { access: { openTo: [...new Set(sources)] } }
}

/** Where secrets go that the command line or a variable gives. */
export function secretPlace(flags: {
  readonly 'no-save-secret'?: boolean
  readonly 'store-secrets'?: string | undefined
}): SecretPlace {
  if (flags['no-save-secret']) return 'nowhere'
  return flags['store-secrets'] === 'record' ? 'record' : 'backend'
}

/** docker-machine splits a list variable at commas and appends what the command line gives. */
function commaList(text = ''): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function requirePairs(flag: string, pairs: readonly string[]): readonly string[] {
  const bad = pairs.find((pair) => !/^[^=]+=/.test(pair))
  if (bad === undefined) return pairs
  throw new MachineError('usage', `${flag} wants KEY=VALUE, not "${bad}"`)
}

async function registryCas(pairs: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const entries = await Promise.all(pairs.map(registryCa))
  return Object.fromEntries(entries)
}

async function registryCa(pair: string): Promise<readonly [string, string]> {
  const [, host, file] = /^([a-zA-Z0-9.\-[\]:]+)=(.+)$/.exec(pair) ?? []
  if (!host || !file)
    throw new MachineError('usage', `--engine-registry-ca wants HOST[:PORT]=FILE, not "${pair}"`)
  const pem = await readCa(file)
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return [host, pem]
  throw new MachineError('usage', `${file} is not a PEM certificate (--engine-registry-ca ${host})`)
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new MachineError('usage', `Cannot read the CA certificate ${file}: ${messageOf(cause)}`, { cause })
  }
}
