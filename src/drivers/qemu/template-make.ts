import { rm } from 'node:fs/promises'
import type {
  BootImageFiles,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  MachineSpec,
} from '../../contracts/driver.js'
import type { JsonObject } from '../../contracts/json.js'
import { MachineError, messageOf } from '../../contracts/errors.js'
import type { Resource } from '../../contracts/record.js'
import { type Pending, pending, waitFor } from '../../util/wait.js'
import { accelerator } from './accelerators.js'
import { consoleTail, panicOnConsole } from './console.js'
import { readConfig } from './config.js'
import { makeDataDisk } from './disks.js'
import { machineFiles } from './layout.js'
import { cutPower } from './power.js'
import { readSaved } from './saved-memory.js'
import { writeSeed } from './seed.js'
import { prepareVm, startVm } from './start.js'
import { suspendVm } from './suspend.js'
import { ensureTemplate, type Template, templateDisk, templateMisfit, templateNeeds } from './template.js'
import { readVm, resourceOf, runningVm } from './vm-record.js'

const READY = 'tsmachine-init: template is ready'
const BOOT_MS = 60_000

/** What a new machine starts from when it is to start from a snapshot and can; why not is told. */
export async function* templateFor(
  deps: DriverDeps,
  spec: MachineSpec,
  signal: AbortSignal,
): AsyncGenerator<DriverEvent, Template | undefined> {
  const { image, resources, machine } = spec
  if (!spec.fromSnapshot || resourceOf(resources, 'vm')) return undefined
  const reason = image ? templateMisfit(spec.config) : 'it boots an image of its own'
  if (reason !== undefined || !image) {
    yield { type: 'log', level: 'warn', text: `It is made as usual, not from a snapshot: ${reason}` }
    return undefined
  }
  const launch = await prepareVm(deps, { ...machine, config: spec.config, resources }, image, signal)
  const needs = templateNeeds(launch, image)
  const config = { ...spec.config, diskSize: needs.diskSize, sshPort: 0, enginePort: 0 }
  const make = (template: DriverMachine): Promise<number> =>
    makeTemplate(deps, { ...template, config }, image, signal)
  let template: Template
  try {
    template = yield* ensureTemplate(deps, needs, make, signal)
  } catch (error) {
    signal.throwIfAborted()
    const text = `It is made as usual: the template could not be made (${messageOf(error)})`
    yield { type: 'log', level: 'warn', text }
    return undefined
  }
  return fitsDisk(resourceOf(resources, 'disk'), template) ? template : undefined
}

/** A disk that an earlier, unfinished create has made fits only what it was copied from. */
function fitsDisk(disk: Resource | undefined, { id }: Template): boolean {
  return disk?.state !== 'made' || disk.attributes?.['template'] === id
}

/** Boots a guest until it waits to become somebody, and suspends it. Nothing of it runs on, whatever happens. */
async function makeTemplate(
  deps: DriverDeps,
  template: DriverMachine,
  image: BootImageFiles,
  signal: AbortSignal,
): Promise<number> {
  const files = machineFiles(template.dir)
  let machine = template
  const follow = async (events: AsyncIterable<DriverEvent>): Promise<void> => {
    for await (const event of events)
      if (event.type === 'intent' || event.type === 'made')
        machine = { ...machine, resources: withResource(machine.resources, event.resource) }
  }
  try {
    await makeDataDisk(files.data, templateDisk(readConfig(machine.config)))
    await writeSeed(files.seed, { metaData: '{}\n', userData: '#cloud-config\n{}\n' })
    await follow(startVm(deps, machine, image, signal, { template: true }))
    await untilReady(deps, machine, signal)
    await follow(suspendVm(deps, machine, signal))
  } finally {
    await cutPower(machine, deps.clock, new AbortController().signal)
    await rm(await deps.runtimeDir(machine.id), { recursive: true, force: true })
  }
  const saved = readSaved(files)
  if (!saved) throw new MachineError('driver', 'the memory was not saved')
  return saved.bytes
}

function withResource(resources: readonly Resource[], resource: Resource): readonly Resource[] {
  return [...resources.filter(({ kind }) => kind !== resource.kind), resource]
}

async function untilReady(deps: DriverDeps, machine: DriverMachine, signal: AbortSignal): Promise<void> {
  const { console: path } = machineFiles(machine.dir)
  const { patience } = accelerator(readVm(machine.resources).accel)
  await waitFor(
    'the template to boot',
    (): Promise<true | Pending> => {
      const tail = consoleTail(path)
      if (tail?.includes(READY)) return Promise.resolve(true)
      const panic = panicOnConsole(tail)
      if (panic !== undefined || !runningVm(machine))
        throw new MachineError('driver', `its guest has ended: ${panic ?? 'QEMU is gone'}`)
      return Promise.resolve(pending('its console does not say that it is ready'))
    },
    {
      ...{ deadlineMs: BOOT_MS * patience, intervalMs: 100, maxIntervalMs: 200, signal, clock: deps.clock },
      evidence: () => consoleTail(path, 2_000),
    },
  )
}

export function templateAttributes(template: Template | undefined): { attributes?: JsonObject } {
  return template ? { attributes: { template: template.id } } : {}
}
