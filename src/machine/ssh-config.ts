import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMachineError, MachineError, messageOf } from '../contracts/errors.js'
import { hostEntry } from '../ssh/client-config.js'
import { addInclude, includeLine, ownHosts, removeInclude } from '../ssh/user-config.js'
import { writeFileAtomic } from '../util/atomic-file.js'
import { removeForGood } from '../util/durable.js'
import { errnoOf } from '../util/file-error.js'
import { homePath } from '../util/paths.js'
import type { MachineContext } from './context.js'
import { resolveNames } from './names.js'
import { type OpenMachine, openWithoutSecrets } from './open.js'
import { reachOpen } from './reach.js'

/** File names: the store's, which the user's configuration includes, and each machine's, which that one includes. */
const FILE = 'ssh_config'
const PREFIX_LINE = /^# prefix: (\S*)$/m
const ALIAS_PART = /^[A-Za-z0-9][\w.-]*$/

export interface SshConfigRequest {
  /** All machines when empty. */
  readonly names: readonly string[]
  /** Set before the machine's name in the name that ssh knows it by; the one chosen at `--install` when absent. */
  readonly prefix?: string
}

/** A machine's entry for ssh_config(5). */
export interface SshEntry {
  readonly name: string
  readonly alias: string
  readonly text: string
}

export interface SshEntries {
  readonly entries: readonly SshEntry[]
  /** Machines without an entry, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

/** Where things were written, and the entries. */
export interface SshConfigInstalled extends SshEntries {
  readonly configPath: string
  readonly changed: boolean
}

/** Entries by which plain `ssh NAME`, rsync and editors reach machines, host key pinned. */
export async function sshEntries(ctx: MachineContext, request: SshConfigRequest): Promise<SshEntries> {
  const prefix = checkPrefix(request.prefix ?? (await installedPrefix(ctx)) ?? '')
  const named = request.names.length > 0
  const entries: SshEntry[] = []
  const skipped: { name: string; reason: string }[] = []
  for (const name of named ? resolveNames(ctx, request.names) : ctx.store.names()) {
    try {
      entries.push(await entryOf(ctx, await openWithoutSecrets(ctx, name), prefix, named))
    } catch (error) {
      if (named || !isMachineError(error) || isOfDisk(error)) throw error
      skipped.push({ name, reason: error.message })
    }
  }
  return { entries, skipped }
}

/** Nothing that concerns this machine alone. */
function isOfDisk(error: MachineError): boolean {
  return error.code === 'store' && errnoOf(error.cause) !== undefined
}

async function entryOf(
  ctx: MachineContext,
  open: OpenMachine,
  prefix: string,
  mayConnect: boolean,
): Promise<SshEntry> {
  if (!open.ledger.hostKeys && !mayConnect)
    throw new MachineError(
      'host-key',
      `its host key is not known yet: ${ctx.profile.program} ssh-config ${open.name}`,
    )
  const alias = `${prefix}${open.name}`
  const text = await hostEntry(await reachOpen(ctx, open), { alias, unattended: false })
  return { name: open.name, alias, text }
}

/**
 * Makes plain `ssh NAME` work: one Include line in the user's configuration, one file in the store, one per machine.
 * @throws MachineError `exists` where the user has a host of that name
 */
export async function installSshConfig(
  ctx: MachineContext,
  request: SshConfigRequest,
): Promise<SshConfigInstalled> {
  const found = await sshEntries(ctx, request)
  const configPath = userConfigPath(ctx)
  const own = await ownHosts(configPath)
  const taken = found.entries.find((entry) => own.has(entry.alias))
  if (taken) throw collision(ctx, taken, configPath)
  const prefix = request.prefix ?? (await installedPrefix(ctx)) ?? ''
  if (prefix !== (await installedPrefix(ctx))) await dropEntries(ctx)
  for (const entry of found.entries) await writeFileAtomic(entryPath(ctx, entry.name), entry.text)
  await writeFileAtomic(storeConfigPath(ctx), storeConfig(ctx, prefix))
  return { ...found, configPath, changed: await addInclude(configPath, includeLine(storeConfigPath(ctx))) }
}

function collision(ctx: MachineContext, { name, alias }: SshEntry, configPath: string): MachineError {
  return new MachineError('exists', `${configPath} has a host "${alias}" of your own already`, {
    machine: name,
    hints: [
      `Put something before the names: ${ctx.profile.program} ssh-config --install --prefix vm-`,
      'or install only other machines, by name',
    ],
  })
}

/** Takes entries back: those of these machines, or everything that `installSshConfig` wrote. */
export async function uninstallSshConfig(
  ctx: MachineContext,
  names: readonly string[],
): Promise<{ readonly configPath: string; readonly changed: boolean }> {
  const configPath = userConfigPath(ctx)
  if (names.length > 0) {
    const known = resolveNames(ctx, names)
    const changed = known.some((name) => existsSync(entryPath(ctx, name)))
    await removeForGood(...known.map((name) => entryPath(ctx, name)))
    return { configPath, changed }
  }
  const changed = await removeInclude(configPath, includeLine(storeConfigPath(ctx)))
  await removeForGood(storeConfigPath(ctx))
  await dropEntries(ctx)
  return { configPath, changed }
}

/**
 * Keeps what was installed right after a verb that may have changed address, port or host key; a machine that is `new`
 * gets its entry. A problem is one warning line.
 */
export async function syncSshEntry(ctx: MachineContext, open: OpenMachine, isNew: boolean): Promise<void> {
  try {
    const prefix = await installedPrefix(ctx)
    if (prefix === undefined || !(isNew || existsSync(entryPath(ctx, open.name)))) return
    if (!open.factory.capabilities.ssh) return
    const entry = await entryOf(ctx, open, prefix, true)
    if ((await ownHosts(userConfigPath(ctx))).has(entry.alias))
      throw collision(ctx, entry, userConfigPath(ctx))
    await writeFileAtomic(entryPath(ctx, open.name), entry.text)
  } catch (error) {
    ctx.signal.throwIfAborted()
    ctx.report({ type: 'warn', machine: open.name, text: `No entry for plain ssh: ${messageOf(error)}` })
  }
}

async function dropEntries(ctx: MachineContext): Promise<void> {
  await removeForGood(...ctx.store.names().map((name) => entryPath(ctx, name)))
}

/** The prefix chosen at install; undefined when nothing is installed. */
async function installedPrefix(ctx: MachineContext): Promise<string | undefined> {
  const text = await readFile(storeConfigPath(ctx), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (PREFIX_LINE.exec(text)?.[1] ?? '')
}

function storeConfig(ctx: MachineContext, prefix: string): string {
  const lines = [
    '# Written by tsmachine ssh-config --install; tsmachine ssh-config --uninstall takes it back.',
    `# prefix: ${prefix}`,
    includeLine(join(ctx.store.root, 'machines', '*', FILE), { pattern: true }),
  ]
  return `${lines.join('\n')}\n`
}

function checkPrefix(prefix: string): string {
  if (prefix === '' || ALIAS_PART.test(prefix)) return prefix
  throw new MachineError('usage', `"${prefix}" cannot begin the name of a host`, {
    hints: ['Allowed are letters, digits, ".", "_" and "-", a letter or digit first: --prefix vm-'],
  })
}

function storeConfigPath(ctx: MachineContext): string {
  return join(ctx.store.root, FILE)
}

function entryPath(ctx: MachineContext, name: string): string {
  return join(ctx.store.dir(name), FILE)
}

function userConfigPath(ctx: MachineContext): string {
  return join(homePath(ctx.env), '.ssh', 'config')
}
