/** `upgrade` and `regenerate-certs` without a VM: the provider double, a real sshd with scripted answers, an engine with TLS. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BootImageFiles, Driver, DriverDeps, DriverFactory } from '../../src/contracts/driver.js'
import { MachineError } from '../../src/contracts/errors.js'
import type { LedgerRecord } from '../../src/contracts/record.js'
import { createMachine } from '../../src/machine/create.js'
import { machinesOfImage } from '../../src/machine/image.js'
import { provisionMachine } from '../../src/machine/provision.js'
import { renewClientCertificate } from '../../src/machine/renew-client.js'
import { startMachine } from '../../src/machine/start.js'
import { stopMachine } from '../../src/machine/stop.js'
import { planUpgrade, upgradeMachine } from '../../src/machine/upgrade.js'
import { FakeProvider } from '../doubles/fake-driver/provider.js'
import { scratchDir } from '../helpers/driver-deps.js'
import { fakeFlags, hostedFactory } from '../helpers/hosted-driver.js'
import { machineContext } from '../helpers/machine-context.js'
import { machineOptions } from '../helpers/records.js'
import { scriptedHost } from '../helpers/scripted-host.js'

function image(version: string): BootImageFiles {
  const digest = version.replace('.', '').padEnd(64, '0')
  return { digest, version, kernel: 'kernel', initramfs: 'initramfs', engine: 'engine' }
}

/** The cache: what new machines get, and what is stored. */
class Images {
  current = image('1.0')
  stored = [this.current]

  bring(version: string): void {
    this.current = image(version)
    this.stored.push(this.current)
  }

  readonly artefacts = {
    bootImage: () => Promise.resolve(this.current),
    storedImage: (digest: string) => Promise.resolve(this.stored.find((one) => one.digest === digest)),
    engineBundle: () => Promise.reject(new Error('no engine bundle in this test')),
  }
}

/** The driver with our image: notes what it starts, and does not start versions that are `broken`. */
function imageFactory(factory: DriverFactory, started: string[], broken: Set<string>): DriverFactory {
  return {
    ...factory,
    capabilities: { ...factory.capabilities, bootImage: true },
    async open(deps: DriverDeps) {
      const driver = await factory.open(deps)
      const start = driver.start?.bind(driver)
      return Object.assign(driver, {
        async *start(...[machine, files, signal]: Parameters<NonNullable<Driver['start']>>) {
          started.push(files?.version ?? 'none')
          if (broken.has(files?.version ?? ''))
            throw new MachineError('driver', 'the kernel panics', { evidence: 'Kernel panic - not syncing' })
          if (start) yield* start(machine, files, signal)
        },
      })
    },
  }
}

async function bench(t: Test) {
  const dir = scratchDir(t)
  const host = await scriptedHost(t, machineContext({ dir }))
  const images = new Images()
  const started: string[] = []
  const broken = new Set<string>()
  const factory = imageFactory(hostedFactory(host.hosting), started, broken)
  const plain = machineContext({
    dir,
    env: { HOME: dir, DOCKER_CONFIG: join(dir, 'docker') },
    factories: { fake: factory },
  })
  const ctx = { ...plain, artefacts: images.artefacts }
  const flagValues = fakeFlags(new FakeProvider(join(dir, 'provider')).dir)
  const create = (name: string) =>
    createMachine(ctx, { name, driver: 'fake', flagValues, options: machineOptions() })
  const ledger = (): LedgerRecord => {
    const { ledger } = ctx.store.read('web')
    if (!ledger) throw new Error('no ledger')
    return ledger
  }
  await create('web')
  const said = () => ctx.events.flatMap((event) => (event.type === 'info' ? [event.text] : []))
  return {
    ctx,
    host,
    images,
    started,
    broken,
    ledger,
    said,
    upgrade: () => upgradeMachine(ctx, 'web', { force: false }),
  }
}

t.test('a machine keeps starting from its image until it is upgraded', async (t) => {
  const { ctx, images, started, ledger, said, upgrade } = await bench(t)
  t.match(ledger().image, { version: '1.0' })
  images.bring('2.0')
  await stopMachine(ctx, 'web')
  await startMachine(ctx, 'web')
  t.same(started, ['1.0'])
  const dry = await planUpgrade(ctx, 'web', { force: false })
  t.match(dry, { from: '1.0', to: '2.0', changed: true, plan: /data disk stays/ })
  t.same(started, ['1.0'], 'nothing was done')
  t.same(await upgrade(), { machine: 'web', source: 'image', from: '1.0', to: '2.0', changed: true })
  t.same(started, ['1.0', '2.0'])
  t.match(ledger(), { image: { version: '2.0' }, engine: { version: '27.5.1' } })
  t.equal(ledger().upgrade, undefined)
  const lines = said()
  t.ok(
    lines.indexOf('Upgrading docker...') < lines.indexOf('Restarting docker...'),
    'in docker-machine’s words',
  )
})

t.test('nothing newer: nothing is restarted, a stopped machine is started', async (t) => {
  const { ctx, started, said, upgrade } = await bench(t)
  t.match(await upgrade(), { from: '1.0', to: '1.0', changed: false })
  t.same(started, [])
  t.notOk(said().includes('Upgrading docker...'))
  await stopMachine(ctx, 'web')
  t.match(await upgrade(), { changed: false })
  t.same(started, ['1.0'])
  t.ok(said().includes('Starting machine so machine can be upgraded...'))
})

t.test('an image that does not boot is taken back', async (t) => {
  const { images, started, broken, ledger, upgrade } = await bench(t)
  images.bring('2.0')
  broken.add('2.0')
  await t.rejects(upgrade(), {
    message: 'The upgrade of "web" to 2.0 failed, and 1.0 runs again: the kernel panics',
    evidence: /Kernel panic/,
    stage: 'make',
    exitCode: 1,
  })
  t.same(started, ['2.0', '1.0'])
  t.match(ledger(), { phase: 'ready', image: { version: '1.0' } })
  t.equal(ledger().upgrade, undefined)
})

t.test('where neither boots the record knows the way back, and a later upgrade goes on', async (t) => {
  const { ctx, images, started, broken, ledger, upgrade } = await bench(t)
  images.bring('2.0')
  for (const version of ['1.0', '2.0']) broken.add(version)
  await t.rejects(upgrade(), { message: /2\.0 failed.*neither could 1\.0/, hints: [/upgrade web/] })
  t.match(ledger().upgrade, { source: 'image', from: '1.0', to: '2.0', image: { version: '1.0' } })
  t.same(machinesOfImage(ctx.store, image('1.0').digest), ['web'], 'it is still needed')
  broken.delete('1.0')
  await t.rejects(upgrade(), { message: /1\.0 runs again/ })
  broken.clear()
  t.match(await upgrade(), { from: '1.0', to: '2.0', changed: true })
  t.same(started, ['2.0', '1.0', '2.0', '1.0', '2.0'])
  t.same(machinesOfImage(ctx.store, image('1.0').digest), [])
})

t.test('cut in between, start boots what the record says and the upgrade is over', async (t) => {
  const { ctx, images, started, ledger } = await bench(t)
  images.bring('2.0')
  const stop = new AbortController()
  const report = (event: { type: string; text: string }) => {
    if (event.text === 'Restarting docker...') stop.abort(new MachineError('cancelled', 'Ctrl-C'))
  }
  const cut = upgradeMachine({ ...ctx, report, signal: stop.signal }, 'web', { force: false })
  await t.rejects(cut, { code: 'cancelled' })
  t.match(ledger(), { upgrade: { from: '1.0', to: '2.0' } })
  await startMachine(ctx, 'web')
  t.equal(ledger().upgrade, undefined)
  t.equal(started.at(-1), ledger().image?.version)
  await provisionMachine(ctx, 'web')
})

t.test('an image that the cache has lost is said aloud', async (t) => {
  const { ctx, images, started, ledger } = await bench(t)
  await stopMachine(ctx, 'web')
  images.bring('2.0')
  images.stored.shift()
  await startMachine(ctx, 'web')
  t.same(started, ['2.0'])
  t.match(ledger().image, { version: '2.0' })
  t.ok(ctx.events.some((event) => event.type === 'warn' && /1\.0 of web is no longer here/.test(event.text)))
})

t.test('a bare URL cannot be upgraded', async (t) => {
  const ctx = machineContext({ dir: scratchDir(t) })
  const flagValues = { url: 'tcp://192.0.2.1:2376' }
  await createMachine(ctx, { name: 'url', driver: 'none', flagValues, options: machineOptions() })
  await t.rejects(upgradeMachine(ctx, 'url', { force: false }), {
    code: 'driver',
    message: '"url" cannot be upgraded: the none driver knows only its engine\'s address',
  })
})

t.test('a new client certificate reaches every machine of the CA and needs no host', async (t) => {
  const { ctx, host } = await bench(t)
  const read = (name: string) => readFileSync(join(ctx.store.dir('web'), name), 'utf8')
  const before = { ca: read('ca.pem'), cert: read('cert.pem'), server: read('server.pem') }
  const calls = host.calls().length
  await renewClientCertificate(ctx, ['web'])
  t.not(read('cert.pem'), before.cert)
  t.equal(read('ca.pem'), before.ca)
  t.equal(read('server.pem'), before.server)
  t.equal(read('cert.pem'), readFileSync(join(ctx.store.certsDir, 'cert.pem'), 'utf8'))
  t.equal(host.calls().length, calls)
  t.notOk(ctx.events.some((event) => event.type === 'warn'))
})

t.test('an expired CA is replaced, and machines that were not named are', async (t) => {
  const { ctx } = await bench(t)
  const flagValues = { url: 'tcp://192.0.2.1:2376' }
  await createMachine(ctx, { name: 'other', driver: 'none', flagValues, options: machineOptions() })
  const later = { ...ctx.clock, now: () => new Date(Date.now() + 11 * 365 * 86_400_000) }
  await renewClientCertificate({ ...ctx, clock: later }, [])
  const warned = ctx.events.flatMap((event) => (event.type === 'warn' ? [event.text] : []))
  t.match(warned.join('\n'), /The CA is new: .* tsmachine regenerate-certs -f web$/)
})
