/** A machine whose host and engine are reached over a line that breaks: what creates and provisions it, and what must be true then. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMachineError, type MachineError } from '../../src/contracts/errors.js'
import type { ReportEvent } from '../../src/contracts/events.js'
import type { DriverFactory } from '../../src/contracts/driver.js'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { createMachine, resumeCreate } from '../../src/machine/create.js'
import { provisionMachine } from '../../src/machine/provision.js'
import { ensureCa } from '../../src/tls/authority.js'
import { issueServer } from '../../src/tls/server.js'
import { after } from '../../src/util/wait.js'
import { FakeEngine } from '../doubles/engine.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from './driver-deps.js'
import { fakeBundle } from './fake-bundle.js'
import { FaultyLine } from './faulty-line.js'
import { fakeFlags, hostedFactory, type Hosting } from './hosted-driver.js'
import { machineContext } from './machine-context.js'
import { machineOptions } from './records.js'
import { type SandboxHost, startSandbox } from './sandbox-host.js'

export const VERSION = '26.1.5-0badcafe'
const NAME = 'web'

/** What a test or a case of a campaign gives back at its end. */
export interface Ending {
  teardown(work: () => unknown): unknown
}

export interface FarHost {
  readonly host: SandboxHost
  readonly engine: FakeEngine
  readonly line: FaultyLine
  readonly ctx: ReturnType<typeof machineContext>
  readonly ports: readonly number[]
  /** Parts of a stage's own deadline that it is given; the whole where nothing is said. */
  hurry: Readonly<Record<string, number>>
  /** Milliseconds from the last begin of a stage to its end. */
  tookMs(stage: string): number
  create(): Promise<unknown>
  resume(): Promise<unknown>
  provision(): Promise<unknown>
  ledger(): LedgerRecord
  /** Throws unless the host is as a create without faults leaves it. */
  checkHost(): void
}

export async function farHost(t: Ending): Promise<FarHost> {
  const dir = scratchDir(t)
  const host = await startSandbox()
  t.teardown(() => host.stop())
  const line = new FaultyLine()
  t.teardown(() => line.close())
  const first = machineContext({ dir })
  const engine = await engineOf(first)
  t.teardown(() => engine.stop())
  const ports = [await line.to(host.port), await line.to(engine.port)] as const
  const hosting = { sshPort: ports[0], sshUser: 'root', enginePort: ports[1], sshDir: host.sshDir }
  const bundleDir = fakeBundle(join(dir, 'bundle'), VERSION)
  const self = { hurry: {} as Readonly<Record<string, number>> }
  let stage = ''
  const plain = machineContext({
    dir,
    env: { HOME: dir, DOCKER_CONFIG: join(dir, 'docker') },
    factories: { fake: hurried(hosting, () => self.hurry[stage] ?? 1) },
  })
  const engineBundle = () => Promise.resolve({ dir: bundleDir, version: VERSION, id: VERSION })
  const times = new Map<string, number>()
  const report = (event: ReportEvent): void => {
    plain.report(event)
    if (event.type === 'stage') stage = event.stage
    if (event.type === 'stage') times.set(`${event.stage} ${event.state === 'start'}`, performance.now())
  }
  const ctx = { ...plain, report, artefacts: { ...plain.artefacts, engineBundle } }
  const provider = new FakeProvider(join(dir, 'provider'))
  const request = {
    name: NAME,
    driver: 'fake',
    options: machineOptions(),
    flagValues: fakeFlags(provider.dir),
  }
  return Object.assign(self, {
    ...{ host, engine, line, ctx, ports },
    create: () => createMachine(ctx, request),
    resume: () => resumeCreate(ctx, NAME),
    provision: () => provisionMachine(ctx, NAME),
    tookMs: (stage: string) => (times.get(`${stage} false`) ?? NaN) - (times.get(`${stage} true`) ?? NaN),
    ledger: () => ledgerOf(ctx),
    checkHost: () => checkHost(host, ctx.store.dir(NAME)),
  })
}

async function engineOf(ctx: ReturnType<typeof machineContext>): Promise<FakeEngine> {
  const ca = await ensureCa(ctx.store.certsDir, { clock: ctx.clock })
  const pair = await issueServer({ ca, name: NAME, sans: ['127.0.0.1'], clock: ctx.clock })
  return await FakeEngine.start({ ca: ca.caPem, cert: pair.cert, key: pair.key })
}

function hurried(hosting: Hosting, patience: () => number): DriverFactory {
  const factory = hostedFactory(hosting)
  const open: DriverFactory['open'] = async (deps) => Object.assign(await factory.open(deps), { patience })
  return { ...factory, open }
}

function ledgerOf({ store }: ReturnType<typeof machineContext>): LedgerRecord {
  const { ledger } = store.read(NAME)
  if (!ledger) throw new Error('no ledger')
  return ledger
}

function checkHost(host: SandboxHost, recordDir: string): void {
  const engine = `opt/tsmachine/${VERSION}`
  if (!host.has(`${engine}/.complete`)) throw new Error('the engine is not there')
  if (host.read(`${engine}/bin/dockerd`).length !== 3_000_000) throw new Error('the engine is not whole')
  for (const [there, here] of [
    ['server.pem', 'server.pem'],
    ['server-key.pem', 'server-key.pem'],
    ['ca.pem', 'ca.pem'],
  ] as const)
    if (host.read(`etc/docker/${there}`) !== readFileSync(join(recordDir, here), 'utf8'))
      throw new Error(`${there} on the host is not ours`)
  if (!host.calls().some((words) => /^systemctl restart docker/.test(words)))
    throw new Error('nothing was started')
  const left = leftOn(host)
  if (left.length > 0) throw new Error(`left on the host: ${left.join(', ')}`)
}

/** Temporary things and locks of ours. */
function leftOn(host: SandboxHost): string[] {
  const pending = host.list('run/tsmachine/pending').map((name) => `run/tsmachine/pending/${name}`)
  const locks = host.list('run/tsmachine').filter((name) => name !== 'pending')
  const temporary = host.list('run').filter((name) => /^tsmachine-/.test(name))
  const halves = ['etc/docker', 'etc/systemd/system', 'etc/ssh', 'opt/tsmachine']
    .flatMap((folder) => host.list(folder))
    .filter((name) => /tsmachine-n|\.making|\.current-new/.test(name))
  return [...pending, ...locks, ...temporary, ...halves]
}

/** Our own error that some work ends with. @throws what is none of ours, and when it does not end at all */
export async function failureWithin(ms: number, work: Promise<unknown>): Promise<MachineError | undefined> {
  let stop = (): void => undefined
  const never = new Promise<never>((_resolve, reject) => {
    stop = after(ms, () => reject(new Error(`it has not ended within ${ms} ms`)))
  })
  try {
    await Promise.race([work, never])
    return undefined
  } catch (error) {
    if (isMachineError(error)) return error
    throw error
  } finally {
    stop()
  }
}

/** Connections to these ports that a program on this computer still holds. */
export function connectionsTo(ports: readonly number[]): number {
  const wanted = new Set(ports.map((port) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`))
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
  return rows.filter((row) => {
    const [, , remote = '', state = ''] = row.trim().split(/\s+/)
    return wanted.has(remote) && (state === '01' || state === '02')
  }).length
}

/** Files that a run must not leave in a store. */
export function leftInStore(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.lock$|\.tmp|~$/.test(name),
  )
}
