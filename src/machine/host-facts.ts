import { type CloudInitWait, collectFacts } from '../../provision/facts.js'
import { SudoError, withSudoPassword } from '../../provision/sudo-password.js'
import { MachineError } from '../contracts/errors.js'
import type { Facts } from '../contracts/provision.js'
import type { Secret, SecretRef } from '../contracts/secrets.js'
import type { RemoteShell } from '../contracts/ssh.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'

/** A host as root sees it, and the connection whose commands become root there. */
export interface RootedFacts {
  readonly shell: RemoteShell
  readonly facts: Facts
}

const TRIES = 3
/** The password itself, or where it is (`file:PATH`, `cmd:COMMAND` ...). Neither is recorded. */
const VALUE = 'TSMACHINE_SUDO_PASSWORD'
const REFERENCE = 'TSMACHINE_SUDO_PASSWORD_REF'

/**
 * Facts about a host. Where sudo asks for a password it comes from the environment or is asked for on a terminal, and the
 * facts are collected again with it. Where there is none the facts say so, and a plan says what to do.
 * @throws SudoError when the password is refused
 */
export async function rootedFacts(
  ctx: MachineContext,
  open: OpenMachine,
  shell: RemoteShell,
  signal: AbortSignal,
): Promise<RootedFacts> {
  const facts = await collectFacts(shell, signal)
  if (facts.sudo !== 'password') return { shell, facts }
  const known = await knownPassword(ctx, signal)
  if (known) return await withKnown(shell, known, signal)
  return (await askUser(ctx, open, { shell, facts }, signal)) ?? { shell, facts }
}

async function knownPassword(
  { env, store }: MachineContext,
  signal: AbortSignal,
): Promise<Secret | undefined> {
  const reference = env[VALUE] ? `env:${VALUE}` : env[REFERENCE]
  return reference ? await store.secrets.resolve(reference as SecretRef, signal) : undefined
}

/** Nobody can be asked for another one. */
async function withKnown(shell: RemoteShell, password: Secret, signal: AbortSignal): Promise<RootedFacts> {
  try {
    return await withPassword(shell, password, signal)
  } catch (error) {
    if (!(error instanceof SudoError)) throw error
    throw error.with({ hints: [`The password came from ${VALUE} or ${REFERENCE}.`] })
  }
}

async function withPassword(shell: RemoteShell, password: Secret, signal: AbortSignal): Promise<RootedFacts> {
  const rooted = withSudoPassword(shell, password)
  return { shell: rooted, facts: await collectFacts(rooted, signal) }
}

async function askUser(
  ctx: MachineContext,
  open: OpenMachine,
  { shell, facts }: RootedFacts,
  signal: AbortSignal,
): Promise<RootedFacts | undefined> {
  const question = `Password of ${facts.user} for sudo on ${open.name}: `
  for (let attempt = 1; ; attempt++) {
    const password = await ctx.askSecret(question)
    if (password === undefined) return undefined
    try {
      return await withPassword(shell, password, signal)
    } catch (error) {
      if (!(error instanceof SudoError && error.isWrongPassword)) throw error
      if (attempt === TRIES)
        throw new MachineError('provision', `${error.message} (${TRIES} tries)`, { cause: error })
      ctx.report({ type: 'warn', machine: open.name, text: `${error.message}: try again` })
    }
  }
}

const CLOUD_INIT_S = 300

/**
 * What cloud-init makes of a host is not ours to race with: facts are collected again once it has ended. After the
 * deadline we go on, and the plan's warning says that it is still at work.
 */
export async function settledFacts(
  ctx: MachineContext,
  name: string,
  { shell, facts }: RootedFacts,
  signal: AbortSignal,
  patience: number,
): Promise<Facts> {
  if (facts.cloudInit !== 'running') return facts
  const seconds = Math.ceil(CLOUD_INIT_S * patience)
  const wait: CloudInitWait = {
    seconds,
    seen: (stage) =>
      ctx.report({
        type: 'info',
        machine: name,
        text: `Waiting for cloud-init (${stage}) to end on ${name}, ${seconds} s at most`,
      }),
  }
  return await collectFacts(shell, signal, '', wait)
}
