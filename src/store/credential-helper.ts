/**
 * Docker's credential helpers: programs `docker-credential-NAME` that keep secrets in the system's key chain. The
 * request goes to their stdin, the answer comes as JSON (docker-credential-helpers, "Development").
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MachineError } from '../contracts/errors.js'
import { Secret } from '../contracts/secrets.js'
import { run, type RunResult } from '../util/exec.js'

/** One entry of one helper. */
export interface Credential {
  readonly helper: string
  /** The helper's key; a URL. */
  readonly server: string
}

interface CallOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal?: AbortSignal
}

/** Unlocking a key chain may ask the user something. */
const DEADLINE_MS = 60_000
const NOT_FOUND = 'credentials not found in native keychain'

/** The helper that docker's `config.json` names for everything (`credsStore`). */
export function configuredHelper(dockerConfigDir: string): string | undefined {
  try {
    const config: unknown = JSON.parse(readFileSync(join(dockerConfigDir, 'config.json'), 'utf8'))
    const name = field(config, 'credsStore')
    return isHelperName(name) ? name : undefined
  } catch {
    return undefined
  }
}

/** Whether it can be the end of a program's name. */
export function isHelperName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)
}

/** @throws MachineError `store` when the helper refuses */
export async function storeCredential(
  at: Credential,
  username: string,
  secret: Secret,
  options: CallOptions,
): Promise<void> {
  const request = { ServerURL: at.server, Username: username, Secret: secret.reveal() }
  const result = await call(at.helper, 'store', JSON.stringify(request), options)
  if (result.code !== 0) throw refused(at, 'store', result)
}

/** @returns undefined when the helper has no such entry */
export async function getCredential(at: Credential, options: CallOptions): Promise<Secret | undefined> {
  const result = await call(at.helper, 'get', at.server, options)
  if (result.code !== 0) {
    if (result.stdout.includes(NOT_FOUND)) return undefined
    throw refused(at, 'get', result)
  }
  const secret = secretIn(result.stdout)
  if (secret !== undefined) return new Secret(secret)
  throw new MachineError('store', `docker-credential-${at.helper} get: the answer holds no secret`)
}

/** The keys of all entries that a helper has. */
export async function listCredentials(helper: string, options: CallOptions): Promise<readonly string[]> {
  const result = await call(helper, 'list', '', options)
  if (result.code !== 0) throw refused({ helper, server: '' }, 'list', result)
  try {
    const answer: unknown = JSON.parse(result.stdout)
    return typeof answer === 'object' && answer !== null ? Object.keys(answer) : []
  } catch {
    return []
  }
}

/** Removes an entry; none there is fine. */
export async function eraseCredential(at: Credential, options: CallOptions): Promise<void> {
  const result = await call(at.helper, 'erase', at.server, options)
  if (result.code !== 0 && !result.stdout.includes(NOT_FOUND)) throw refused(at, 'erase', result)
}

async function call(helper: string, verb: string, stdin: string, options: CallOptions): Promise<RunResult> {
  return await run(`docker-credential-${helper}`, [verb], { ...options, stdin, deadlineMs: DEADLINE_MS })
}

/** Only what the helper says about a failure; the answer of a successful `get` never gets here. */
function refused(at: Credential, verb: string, result: RunResult): MachineError {
  const words = (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1) ?? ''
  return new MachineError(
    'store',
    `docker-credential-${at.helper} ${verb} failed: ${words || `status ${result.code}`}`,
    {
      hints: [
        `Try it by hand: echo ${at.server} | docker-credential-${at.helper} get`,
        'Or remove "credsStore" from docker\'s config.json: secrets then go into files of the store.',
      ],
    },
  )
}

function secretIn(answer: string): string | undefined {
  try {
    return field(JSON.parse(answer), 'Secret') || undefined
  } catch {
    return undefined
  }
}

function field(value: unknown, key: string): string {
  if (typeof value !== 'object' || value === null) return ''
  const found = (value as Record<string, unknown>)[key]
  return typeof found === 'string' ? found : ''
}
