/** Certificates that ended, end soon or are of the future, at an engine with TLS: what each verb says and mends. */
import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { certificateDaysLeft } from '../../src/machine/certificate-age.js'
import { clientConfig } from '../../src/machine/client-config.js'
import { createMachine } from '../../src/machine/create.js'
import { checkCertificates } from '../../src/machine/doctor-store.js'
import { openMachine } from '../../src/machine/open.js'
import { provisionMachine } from '../../src/machine/provision.js'
import { renewClientCertificate } from '../../src/machine/renew-client.js'
import { renewNow } from '../../src/machine/renew-now.js'
import { startMachine } from '../../src/machine/start.js'
import { stopMachine } from '../../src/machine/stop.js'
import { askEngine } from '../../src/machine/verify.js'
import { ensureCa, issueLeaf } from '../../src/tls/authority.js'
import { copyClientFiles } from '../../src/tls/files.js'
import { certificateInfo } from '../../src/tls/inspect.js'
import { issueServer } from '../../src/tls/server.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { scriptedHost } from '../helpers/scripted-host.js'

const DAY_MS = 86_400_000
const LEAF_DAYS = 824
const CA_DAYS = 3_649
const clock = (days: number) => ({
  monotonicMs: () => performance.now(),
  now: () => new Date(Date.now() + days * DAY_MS),
  sleep: () => Promise.resolve(),
})

/** When each of them was made, in days from now. */
interface Dates {
  readonly ca?: number
  readonly client?: number
  readonly server?: number
}

/** A machine whose engine takes what is installed, and whose certificates can be of any date. */
class Bench {
  #installs = 0
  readonly dir: string

  private constructor(
    readonly ctx: ReturnType<typeof machineContext>,
    readonly host: Awaited<ReturnType<typeof scriptedHost>>,
  ) {
    this.dir = ctx.store.dir('web')
    host.engine.beforeHandshake = () => {
      const { length } = host.calls().filter((call) => call === 'apply')
      if (length > this.#installs) this.#take()
      this.#installs = length
    }
  }

  static async make(t: Test): Promise<Bench> {
    const dir = scratchDir(t)
    const host = await scriptedHost(t, machineContext({ dir }))
    const env = { HOME: dir, DOCKER_CONFIG: join(dir, 'docker') }
    const ctx = machineContext({ dir, env, factories: { fake: hostedFactory(host.hosting) } })
    const bench = new Bench(ctx, host)
    const flagValues = fakeFlags(new FakeProvider(join(dir, 'provider')).dir)
    await createMachine(ctx, { name: 'web', driver: 'fake', flagValues, options: machineOptions() })
    return bench
  }

  file(name: string): string {
    return readFileSync(join(this.dir, name), 'utf8')
  }

  #take(): void {
    const { engine } = this.host
    engine.show({ ca: this.file('ca.pem'), cert: this.file('server.pem'), key: this.file('server-key.pem') })
  }

  /** As if store and machine had been set up on those days, by clocks that were right or not. */
  async plant(t: Test, { ca = 0, client = ca, server = ca }: Dates): Promise<void> {
    const from = scratchDir(t)
    const authority = await ensureCa(from, { clock: clock(ca) })
    const pair = await issueLeaf(authority, {
      purpose: 'client',
      commonName: 'tsmachine client',
      now: clock(client).now(),
    })
    writeFileSync(join(from, 'cert.pem'), pair.cert)
    writeFileSync(join(from, 'key.pem'), pair.key)
    const { certsDir } = this.ctx.store
    for (const name of ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'])
      copyFileSync(join(from, name), join(certsDir, name))
    await copyClientFiles(certsDir, this.dir)
    const made = await issueServer({ ca: authority, name: 'web', sans: SANS, clock: clock(server) })
    writeFileSync(join(this.dir, 'server.pem'), made.cert)
    writeFileSync(join(this.dir, 'server-key.pem'), made.key)
    const open = await openMachine(this.ctx, 'web')
    await this.ctx.store.update('web', open.factory.record, (ledger) => ({
      ...ledger,
      certificate: {
        sha256: createHash('sha256').update(made.cert).digest('hex'),
        notAfter: certificateInfo(made.cert).notAfter.toISOString(),
      },
    }))
    this.#take()
  }

  async answers(): Promise<unknown> {
    return await askEngine(await openMachine(this.ctx, 'web'), this.ctx.signal)
  }
}

const SANS = ['127.0.0.1', 'localhost', 'web']
const bench = await Bench.make(t)
const { ctx } = bench

const VERBS: Readonly<Record<'config' | 'provision' | 'regenerate-certs' | 'start', () => Promise<unknown>>> =
  {
    config: () => clientConfig(ctx, 'web'),
    provision: () => provisionMachine(ctx, 'web'),
    'regenerate-certs': () => renewNow(ctx, 'web', false),
    start: async () => {
      await stopMachine(ctx, 'web')
      await startMachine(ctx, 'web')
    },
  }

interface Case {
  readonly dates: Dates
  /** What the engine or our client says of it. */
  readonly fault: RegExp
  readonly mendedBy: readonly (keyof typeof VERBS)[]
}

/** A server of Node's only closes the connection; the real engine says why (test/e2e/main/strangers.ts). */
const UNTOLD = /refused our client certificate|no proper answer/

const CASES: Readonly<Record<string, Case>> = {
  'the engine’s has ended': {
    dates: { server: -LEAF_DAYS - 2 },
    fault: /has expired/,
    mendedBy: ['config', 'start'],
  },
  'the client’s has ended': {
    dates: { client: -LEAF_DAYS - 2 },
    fault: UNTOLD,
    mendedBy: ['provision'],
  },
  'the engine’s is of the future': {
    dates: { server: 400 },
    fault: /not valid yet/,
    mendedBy: ['config', 'start'],
  },
  'the client’s is of the future': {
    dates: { client: 400 },
    fault: UNTOLD,
    mendedBy: ['provision'],
  },
  'the CA has ended, and all with it': {
    dates: { ca: -CA_DAYS - 2 },
    fault: /expired/,
    mendedBy: ['config', 'provision', 'regenerate-certs'],
  },
}

for (const [what, { dates, fault, mendedBy }] of Object.entries(CASES))
  for (const verb of mendedBy)
    t.test(`${what}: ${verb} renews over SSH, and the engine is reached again`, async (t) => {
      await bench.plant(t, dates)
      await t.rejects(bench.answers(), { message: fault })
      await VERBS[verb]()
      t.match(await bench.answers(), { reachable: true })
      const days = certificateDaysLeft(await openMachine(ctx, 'web'), new Date()) ?? 0
      t.ok(days > 800, `${days} days`)
    })

t.test('a CA of the future: no verb guesses which clock is wrong, and all say what to do', async (t) => {
  await bench.plant(t, { ca: 400 })
  const before = readFileSync(join(ctx.store.certsDir, 'ca.pem'), 'utf8')
  for (const [verb, go] of Object.entries(VERBS)) {
    if (verb === 'start') continue
    await t.rejects(
      go(),
      { code: 'tls', message: /not valid before/, hints: [/date/, /regenerate-certs --ca/] },
      verb,
    )
  }
  t.equal(readFileSync(join(ctx.store.certsDir, 'ca.pem'), 'utf8'), before)
  const found = await checkCertificates(ctx)
  t.match(found, [
    { level: 'bad', text: /not valid before/, hint: /regenerate-certs --ca \$\(tsmachine ls -q\)/ },
  ])
  await renewClientCertificate(ctx, ['web'], { freshCa: true })
  await renewNow(ctx, 'web', false)
  t.match(await bench.answers(), { reachable: true })
})

t.test('near its end: ls and doctor say so, config leaves it, start renews it', async (t) => {
  await bench.plant(t, { server: 20.5 - LEAF_DAYS })
  const left = async (): Promise<number> =>
    certificateDaysLeft(await openMachine(ctx, 'web'), new Date()) ?? 0
  t.equal(await left(), 20)
  t.match(await checkCertificates(ctx), [{ text: 'ends in 20 days', hint: /regenerate-certs web/ }])
  t.match(await clientConfig(ctx, 'web'), { renewed: false })
  await VERBS.start()
  t.ok((await left()) > 800)
})

t.test(
  'a CA near its end: doctor names the way out, and leaves that end with it are left alone',
  async (t) => {
    await bench.plant(t, { ca: 20.5 - CA_DAYS, server: 0, client: 0 })
    t.match(await checkCertificates(ctx), [{ text: 'ends in 20 days', hint: /--ca/ }])
    const { length } = bench.host.calls().filter((call) => call === 'apply')
    await VERBS.start()
    t.equal(
      bench.host.calls().filter((call) => call === 'apply').length,
      length,
      'nothing is renewed in vain',
    )
    await renewClientCertificate(ctx, ['web'], { freshCa: true })
    t.match(await bench.answers(), { reachable: true }, 'the machine goes on with its own copies')
    await renewNow(ctx, 'web', false)
    t.match(await bench.answers(), { reachable: true })
    t.equal(bench.file('ca.pem'), readFileSync(join(ctx.store.certsDir, 'ca.pem'), 'utf8'))
  },
)
