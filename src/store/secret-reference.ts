import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError, messageOf } from '../contracts/errors.js'
import { Secret, type SecretRef } from '../contracts/secrets.js'
import { run } from '../util/exec.js'
import { getCredential, isHelperName } from './credential-helper.js'

interface Surroundings {
  /** Folder of the store's own secrets. */
  readonly dir: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
}

type Resolver = (rest: string, around: Surroundings) => Promise<Secret>

/** A user's command may unlock a password store first. */
const COMMAND_MS = 60_000

/** One row per kind of reference. */
const RESOLVERS: Readonly<Record<string, Resolver>> = {
  env: (name, { env }) => {
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    if (!value) throw unresolved(`env:${name}`, 'the variable is not set', `Set it: export ${name}=...`)
    return Promise.resolve(new Secret(value))
  },
  file: async (path) => {
    const secret = await readSecretFile(path)
    if (secret) return secret
    throw unresolved(
      `file:${path}`,
      'the file does not exist',
      `Put the secret there: install -m 600 /dev/stdin '${path}'`,
    )
  },
  store: async (id, { dir }) => {
    const secret = await readSecretFile(join(dir, checkedId(id)))
    if (secret) return secret
    throw unresolved(
      `store:${id}`,
      'the store has no such secret any more',
      'Give it again by flag or environment variable.',
    )
  },
  cmd: resolveCommand,
  'docker-credential': resolveCredential,
}

/**
 * The value behind a reference: `env:NAME`, `file:PATH`, `cmd:SHELL COMMAND`, `docker-credential:HELPER:SERVER` or
 * `store:ID`. One line break at the end is not part of it.
 * @throws MachineError `preflight` naming the reference, never the value
 */
export async function resolveReference(reference: SecretRef, around: Surroundings): Promise<Secret> {
  const colon = reference.indexOf(':')
  const kind = reference.slice(0, colon)
  const resolver = Object.hasOwn(RESOLVERS, kind) ? RESOLVERS[kind] : undefined
  if (!resolver)
    throw unresolved(reference, `it starts with none of ${Object.keys(RESOLVERS).join(', ')}`, '')
  return await resolver(reference.slice(colon + 1), around)
}

/** Whether a text that stands where a secret is wanted names one; only the store itself gives out `store:`. */
export function isReference(text: string): text is SecretRef {
  return /^(?:env|file|cmd|docker-credential):./.test(text)
}

/** A secret kept in a file; undefined when there is no file. */
export async function readSecretFile(path: string): Promise<Secret | undefined> {
  try {
    return new Secret(withoutLineBreak(await readFile(path, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw unresolved(`file:${path}`, messageOf(error), `Look at it: ls -l '${path}'`)
  }
}

/** The user's own words, so their shell runs them; what the command printed is never shown. */
async function resolveCommand(command: string, { env, signal }: Surroundings): Promise<Secret> {
  const options = { env, deadlineMs: COMMAND_MS, ...(signal ? { signal } : {}) }
  const result = await run('sh', ['-c', command], options)
  const value = withoutLineBreak(result.stdout)
  if (result.code === 0 && value !== '') return new Secret(value)
  const reason = result.code === 0 ? 'it printed nothing' : `it ended with status ${result.code}`
  throw unresolved(`cmd:${command}`, reason, `Try it by hand: ${command}`)
}

async function resolveCredential(rest: string, { env, signal }: Surroundings): Promise<Secret> {
  const colon = rest.indexOf(':')
  const at = { helper: rest.slice(0, colon), server: rest.slice(colon + 1) }
  if (colon < 0 || !isHelperName(at.helper))
    throw unresolved(`docker-credential:${rest}`, 'it is not docker-credential:HELPER:SERVER', '')
  const secret = await getCredential(at, { env, ...(signal ? { signal } : {}) })
  if (secret) return secret
  throw unresolved(
    `docker-credential:${rest}`,
    'the helper has no such entry',
    'Give the secret again by flag.',
  )
}

function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '')
}

function unresolved(reference: string, reason: string, hint: string): MachineError {
  return new MachineError('preflight', `Cannot get the secret "${reference}": ${reason}`, {
    hints: hint === '' ? [] : [hint],
  })
}

/** Ids of a driver that is named by its path begin with a dash. @throws MachineError `store` for an id that would leave the folder */
export function checkedId(id: string): string {
  if (/^[A-Za-z0-9-]+$/.test(id)) return id
  throw new MachineError('store', `"store:${id}" is no reference to a secret of this store`)
}
