/** The sections of a support bundle: what each is called and how it is read. */
import { readdirSync, lstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { collectFacts } from '../../../provision/facts.js'
import { engineLog } from '../../../provision/engine-log.js'
import { troubleTexts } from '../../../provision/host-trouble.js'
import { runHostScript } from '../../../provision/host-script.js'
import type { RemoteShell } from '../../contracts/ssh.js'
import { urlOf } from '../address.js'
import { openShell } from '../connect.js'
import type { MachineContext } from '../context.js'
import { examine } from '../doctor.js'
import { inspectMachine } from '../inspect.js'
import { machineLogs } from '../logs.js'
import { openMachine, openRemains } from '../open.js'
import { machineState } from '../state.js'
import { askEngine } from '../verify.js'
import type { SupportRequest } from './bundle.js'

export interface Part {
  readonly title: string
  readonly read: (ctx: MachineContext, request: SupportRequest, signal: AbortSignal) => Promise<string>
}

const LOG_LINES = 400
/** Whoever reports a fault waits for it: a host that is up answers long before. */
const SSH_MS = 10_000
/** Of each file; a line of a log has some 100 bytes. */
const LOG_TAIL_BYTES = 40_000

export const PARTS: readonly Part[] = [
  { title: 'program', read: (_ctx, { about }) => Promise.resolve(lines(Object.entries(about))) },
  { title: 'doctor', read: doctor },
  { title: 'variables', read: (ctx, request) => variables(ctx, request.name) },
  { title: 'record', read: async (ctx, { name }) => json(await inspectMachine(ctx, name)) },
  { title: 'files', read: (ctx, { name }) => Promise.resolve(files(ctx, name)) },
  { title: 'state', read: state },
  { title: 'engine', read: async (ctx, { name }, signal) => json(await engine(ctx, name, signal)) },
  { title: 'logs on this computer', read: (ctx, { name }) => localLogs(ctx.store.dir(name)) },
  { title: 'console', read: (ctx, { name }) => bootLog(ctx, name) },
  { title: 'host', read: host },
]

function json(value: unknown): string {
  return JSON.stringify(value, null, 2)
}

function lines(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([key, value]) => `${key}: ${value}`).join('\n')
}

async function doctor(ctx: MachineContext, { outside }: SupportRequest): Promise<string> {
  const findings = await examine(ctx, outside, { probe: false })
  return findings.map(({ level, check, text }) => `${level} ${check}: ${text}`).join('\n')
}

/** What chooses our ways: our own variables, Docker's, those of proxies, and of them all only what is no secret. */
const TELLING = /^(TSMACHINE_|MACHINE_|DOCKER_|COMPOSE_|XDG_|NODE_|LANG$|LC_|TERM$|SHELL$|CI$|.*_proxy$)/i

async function variables(ctx: MachineContext, name: string): Promise<string> {
  const factory = await openRemains(ctx, name, { secrets: false }).then(
    (open) => open.factory,
    () => undefined,
  )
  const own = new Set(factory?.flags.map(({ env }) => env) ?? [])
  const hidden = new Set(factory?.flags.filter(({ secret }) => secret).map(({ env }) => env) ?? [])
  const told = Object.entries(ctx.env).filter(([key]) => own.has(key) || TELLING.test(key))
  return told
    .map(([key, value = '']) => `${key}=${hidden.has(key) && value !== '' ? '[secret]' : value}`)
    .sort()
    .join('\n')
}

/** Names, modes, sizes and times: nothing that is in them. */
function files(ctx: MachineContext, name: string): string {
  const dirs = [ctx.store.root, ctx.store.certsDir, ctx.store.dir(name)]
  return dirs.flatMap((dir) => [`${dir}:`, ...listed(dir)]).join('\n')
}

function listed(dir: string): readonly string[] {
  return readdirSync(dir)
    .sort()
    .map((name) => {
      const { mode, size, mtime, uid } = lstatSync(join(dir, name))
      return `  ${mode.toString(8).padStart(6, '0')} uid ${uid} ${size} ${mtime.toISOString()} ${name}`
    })
}

async function state(ctx: MachineContext, { name }: SupportRequest, signal: AbortSignal): Promise<string> {
  const opened = await openMachine(ctx, name)
  return lines([
    ['driver', opened.factory.name],
    ['state', await machineState(opened, signal)],
    ['url', urlOf(opened.driver.endpoint(opened.machine))],
  ])
}

async function engine(ctx: MachineContext, name: string, signal: AbortSignal): Promise<unknown> {
  return await askEngine(await openMachine(ctx, name), signal)
}

/** What programs of ours and drivers have written into the machine's own folder. */
async function localLogs(dir: string): Promise<string> {
  const names = readdirSync(dir).filter((name) => name.endsWith('.log') && !name.startsWith('console'))
  const tails = await Promise.all(names.map(async (name) => `--- ${name}\n${await tail(join(dir, name))}`))
  return tails.join('\n')
}

async function tail(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const at = Math.max(0, size - LOG_TAIL_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - at), 0, size - at, at)
    const text = buffer.toString('utf8', 0, bytesRead)
    // The rest of a line may be the rest of a secret, by whose looks nobody knows it.
    return at === 0 ? text : text.replace(/^[^\n]*/, '').trimStart()
  } finally {
    await file.close()
  }
}

async function bootLog(ctx: MachineContext, name: string): Promise<string> {
  const kept: string[] = []
  await machineLogs(ctx, name, { kind: 'boot', follow: false, lines: LOG_LINES }, (line) => kept.push(line))
  return kept.join('\n')
}

/** Everything that takes SSH, over one connection. */
async function host(ctx: MachineContext, { name }: SupportRequest, signal: AbortSignal): Promise<string> {
  const shell = await openShell(ctx, await openMachine(ctx, name), { signal, deadlineMs: SSH_MS })
  try {
    const texts = await Promise.all([facts(shell, signal), hostState(shell, signal), log(shell, signal)])
    return texts.join('\n')
  } finally {
    shell.close()
  }
}

async function facts(shell: RemoteShell, signal: AbortSignal): Promise<string> {
  return `--- facts\n${json(await collectFacts(shell, signal))}`
}

async function hostState(shell: RemoteShell, signal: AbortSignal): Promise<string> {
  return (await runHostScript(shell, 'state.sh', [String(LOG_LINES)], { signal })).stdout
}

async function log(shell: RemoteShell, signal: AbortSignal): Promise<string> {
  const said = await engineLog(shell, LOG_LINES, { signal })
  const trouble = troubleTexts(said.trouble).map((text) => `${text}\n`)
  return `${trouble.join('')}--- engine's log\n${said.log}`
}
