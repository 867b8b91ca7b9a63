// The cache of templates: which machines share one, that many who want it make it once, and what is removed.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DriverDeps, DriverEvent, DriverMachine } from '../../../../src/contracts/driver.js'
import { accelerator, TCG } from '../../../../src/drivers/qemu/accelerators.js'
import { readConfig } from '../../../../src/drivers/qemu/config.js'
import { machineFiles, vmSockets } from '../../../../src/drivers/qemu/layout.js'
import {
  ensureTemplate,
  findTemplate,
  forgetTemplates,
  keptTemplates,
  type MakeTemplate,
  type Template,
  templateMisfit,
  templateNeeds,
  type TemplateNeeds,
} from '../../../../src/drivers/qemu/template.js'
import { driverDeps, scratchDir } from '../../../helpers/driver-deps.js'
import { NEVER } from '../../../helpers/qemu-vm.js'

const MEMORY = 'memory of nobody'
const image = {
  digest: 'd',
  version: 'v',
  kernel: '/c/kernel',
  initramfs: '/c/initramfs',
  engine: '/c/engine',
}
const program = { path: '/usr/bin/qemu', version: '7.2.22', netdevs: ['user'], sandbox: true }

interface Change {
  readonly id?: string
  readonly name?: string
  readonly config?: Record<string, number | string>
  readonly accel?: string
  readonly version?: string
  readonly digest?: string
}

function needsOf({ id = 'ab'.repeat(16), name = 'one', config = {}, ...more }: Change = {}): TemplateNeeds {
  const plan = {
    ...{ name, id, config: readConfig({ cpuCount: 2, ...config }), files: machineFiles(`/store/${name}`) },
    ...{ accelerator: more.accel ? accelerator(more.accel) : TCG, sockets: vmSockets(`/run/${name}`) },
  }
  const own = { ...image, digest: more.digest ?? image.digest }
  return templateNeeds(
    { program: { ...program, version: more.version ?? '7.2.22' }, plan: { ...plan, image: own } },
    own,
  )
}

t.test(
  'machines share a template whatever they are called, and only where memory of one fits the other',
  async (t) => {
    const { key } = needsOf()
    t.equal(needsOf({ id: 'cd'.repeat(16), name: 'two' }).key, key)
    t.equal(needsOf({ config: { sshPort: 2222 } }).key, key, 'ports are not the guest’s')
    t.equal(needsOf({ config: { diskSize: 90_000 } }).key, key, 'the disk grows after it was copied')
    const others: readonly Change[] = [
      { config: { memory: 4096 } },
      { config: { cpuCount: 1 } },
      { config: { diskSize: 5_000 } },
      { accel: 'kvm' },
      { version: '8.0.0' },
      { digest: 'e' },
    ]
    const keys = others.map((change) => needsOf(change).key)
    t.equal(new Set([key, ...keys]).size, others.length + 1)
  },
)

t.test('what does not fit a template, and why', async (t) => {
  t.equal(templateMisfit({}), undefined)
  t.match(templateMisfit({ image: '/disk.qcow2' }), 'an image of its own')
  t.match(templateMisfit({ shares: ['/a:/a'] }), 'shared folder')
  for (const network of ['passt', 'bridge=br0']) t.match(templateMisfit({ network }), 'network')
})

interface Stand {
  readonly deps: DriverDeps
  readonly needs: TemplateNeeds
  readonly kernel: string
  readonly made: DriverMachine[]
  readonly ensure: (make?: MakeTemplate) => Promise<{ template: Template; events: readonly DriverEvent[] }>
}

function stand(t: Test): Stand {
  const dir = scratchDir(t)
  const deps = driverDeps(dir)
  const kernel = join(dir, 'kernel')
  writeFileSync(kernel, '')
  const needs = { ...needsOf(), image: { ...image, kernel } }
  const made: DriverMachine[] = []
  const makeOne: MakeTemplate = (machine) => {
    made.push(machine)
    const { saved, data } = machineFiles(machine.dir)
    for (const path of [saved, data]) writeFileSync(path, MEMORY, { mode: 0o600 })
    return Promise.resolve(MEMORY.length)
  }
  async function ensure(make = makeOne): Promise<{ template: Template; events: readonly DriverEvent[] }> {
    const events: DriverEvent[] = []
    const work = ensureTemplate(deps, needs, make, NEVER)
    for (;;) {
      const { done, value } = await work.next()
      if (done) return { template: value, events }
      events.push(value)
    }
  }
  return { deps, needs, kernel, made, ensure }
}

t.test('of many that want a template at once one makes it, and says so', async (t) => {
  const { deps, needs, made, ensure } = stand(t)
  const all = await Promise.all(Array.from({ length: 5 }, () => ensure()))
  t.equal(made.length, 1)
  t.equal(new Set(all.map(({ template }) => template.id)).size, 1)
  t.equal(all.flatMap(({ events }) => events).length, 1)
  t.match(
    all.flatMap(({ events }) => events),
    [{ type: 'log', text: /^Making the template/ }],
  )
  const dir = join(deps.cacheDir, 'templates', needs.key)
  t.equal(statSync(dir).mode & 0o777, 0o700)
  for (const name of readdirSync(dir)) t.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name)
  t.strictSame(readdirSync(join(deps.cacheDir, 'templates')), [needs.key], 'no lock and no half template')
})

t.test('one that could not be made leaves nothing, and the next try makes it', async (t) => {
  const { deps, needs, made, ensure } = stand(t)
  const failing: MakeTemplate = (machine) => {
    mkdirSync(join(machine.dir, 'seed'))
    return Promise.reject(new Error('no room'))
  }
  await t.rejects(ensure(failing), { message: 'no room' })
  t.strictSame(readdirSync(join(deps.cacheDir, 'templates')), [])
  t.equal(findTemplate(deps.cacheDir, needs.key), undefined)
  await ensure()
  t.equal(made.length, 1)
})

t.test(
  'one without its memory is made anew, under another id: disks of the old one do not fit',
  async (t) => {
    const { made, ensure } = stand(t)
    const { template: old } = await ensure()
    rmSync(old.path)
    const { template } = await ensure()
    t.equal(made.length, 2)
    t.not(template.id, old.id)
  },
)

t.test('templates go with their image', async (t) => {
  const { deps, needs, kernel, ensure } = stand(t)
  const { template } = await ensure()
  t.match(await keptTemplates(deps.cacheDir), [{ image: 'd', usable: true }])
  t.equal(await forgetTemplates(deps.cacheDir, 'other'), 0)
  t.ok(existsSync(template.path))
  rmSync(kernel)
  t.match(await keptTemplates(deps.cacheDir), [{ usable: false }])
  writeFileSync(`${kernel}2`, '')
  const next = {
    ...needs,
    key: '0123456789abcdef',
    image: { ...needs.image, kernel: `${kernel}2`, digest: 'e' },
  }
  const work = ensureTemplate(deps, next, () => Promise.resolve(1), NEVER)
  await t.rejects(async () => {
    while (!(await work.next()).done);
  }, 'nothing was made')
  t.notOk(existsSync(template.path), 'making another has removed what starts nothing any more')
  await ensure()
  t.equal(await forgetTemplates(deps.cacheDir, 'd'), 1)
  t.strictSame(await keptTemplates(deps.cacheDir), [])
})
