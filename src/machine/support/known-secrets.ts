/** Every secret that a machine's logs and records could hold: what is known is taken out wherever it turns up. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { looksSecret } from '../../util/secret-names.js'
import { secretValues } from '../../store/mask.js'
import type { MachineContext } from '../context.js'
import { secretKeys } from '../inspect.js'
import { openRemains } from '../open.js'
import type { SecretValues } from '../secrets.js'

/** Shorter values would take ordinary words out of the text; what stands behind a secret's name goes by its looks. */
const SHORTEST = 6
const LARGEST_KEY_FILE = 64 * 1024
/** Lines of a private key, each of which tells a part of it. */
const KEY_LINE = /^[A-Za-z0-9+/=]{24,}$/gm

/** The values themselves: for taking them out of texts, and for nothing else. */
export async function knownSecrets(ctx: MachineContext, name: string): Promise<readonly string[]> {
  const { store, env } = ctx
  const found = await Promise.all([
    providerSecrets(ctx, name),
    keyLines(store.certsDir),
    keyLines(store.dir(name)),
  ])
  const variables = Object.entries(env).flatMap(([key, value = '']) => ofVariable(key, value))
  return [...found.flat(), ...variables].filter((value) => value.length >= SHORTEST)
}

/** A proxy's password that should have been escaped may hold anything. */
function ofVariable(key: string, value: string): readonly string[] {
  if (looksSecret(key)) return [value]
  const [, login] = /_proxy$/i.test(key) ? (/\/\/([^]*)@/.exec(value) ?? []) : []
  return login === undefined ? [] : [login]
}

/** Those of the driver: of variables, of the backend, and what is written in the record in clear. */
async function providerSecrets(ctx: MachineContext, name: string): Promise<readonly string[]> {
  const orders = [true, 'record-first'] as const
  const opened = orders.map((secrets) => openRemains(ctx, name, { secrets }).then((open) => open.secrets))
  const values = (await Promise.allSettled(opened)).flatMap((result) =>
    result.status === 'fulfilled' ? revealed(result.value) : [],
  )
  return [...values, ...(await written(ctx, name))]
}

function revealed(secrets: SecretValues): readonly string[] {
  return Object.values(secrets).map((secret) => secret.reveal())
}

async function written(ctx: MachineContext, name: string): Promise<readonly string[]> {
  const record = ctx.store.read(name)
  return 'error' in record ? [] : secretValues(record.config, await secretKeys(ctx, record))
}

async function keyLines(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch(() => [])
  return (await Promise.all(names.map((name) => linesOfKey(join(dir, name))))).flat()
}

async function linesOfKey(path: string): Promise<readonly string[]> {
  try {
    const info = await stat(path)
    if (!info.isFile() || info.size > LARGEST_KEY_FILE) return []
    const text = await readFile(path, 'latin1')
    return text.includes('PRIVATE KEY-----') ? (text.match(KEY_LINE) ?? []) : []
  } catch {
    return []
  }
}
