/**
 * Makes or removes a machine at a double of a cloud as the machine layer does it, record and all: in a process of its own,
 * which may be killed at any time, or in the test's. The program is
 * told its driver and reads its task as JSON from standard input.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type {
  AccessRules,
  Driver,
  DriverMachine,
  JsonObject,
  MachineSpec,
} from '../../src/contracts/driver.js'
import type { Resource } from '../../src/contracts/record.js'
import { loadFactory } from '../../src/drivers/registry.js'
import { driverDeps } from './driver-deps.js'
import { FastClock } from './fast-clock.js'
import { NEVER } from './never.js'

export interface CloudTask {
  readonly driver: string
  readonly config: JsonObject
  readonly machine: { readonly name: string; readonly id: string; readonly storeId: string }
  /** File that holds the machine's resources; its directory is the store's. */
  readonly record: string
  readonly extra: Partial<MachineSpec>
  /** What the machine layer lets in once it has seen our address. */
  readonly access: AccessRules
  readonly verb: 'create' | 'remove'
  /** So many times as fast goes the clock. */
  readonly speed: number
}

/** What is written on a server at the end of its create. */
const LABELS = { 'tsmachine-host-key': 'SHA256:abc' }

/** A driver as a new process opens it. */
export async function openDriver({ driver, record, speed }: CloudTask): Promise<Driver> {
  const deps = { ...driverDeps(dirname(record)), clock: new FastClock(speed) }
  return await (await loadFactory(driver)).open(deps)
}

export function recorded(task: CloudTask): readonly Resource[] {
  return existsSync(task.record) ? (JSON.parse(readFileSync(task.record, 'utf8')) as Resource[]) : []
}

export function machineOf(task: CloudTask, resources = recorded(task)): DriverMachine {
  return { ...task.machine, dir: dirname(task.record), config: task.config, resources }
}

export async function perform(task: CloudTask, driver: Driver): Promise<void> {
  if (task.verb === 'remove') return await follow(task, driver.remove(machineOf(task), NEVER))
  await follow(task, driver.create(specOf(task), NEVER))
  await follow(task, driver.setAccess?.(machineOf(task), task.access, NEVER))
  await driver.label?.(machineOf(task), LABELS, NEVER)
}

function specOf(task: CloudTask): MachineSpec {
  const { config, resources, ...machine } = machineOf(task)
  const { id, storeId, name } = machine
  const tags = { 'tsmachine-store': storeId, 'tsmachine-id': id, 'tsmachine-name': name }
  return { machine, config, resources, sshUser: 'root', tags, ...task.extra }
}

/** Each event is on the disk before the driver goes on. */
export async function follow(task: CloudTask, events: AsyncIterable<unknown> | undefined): Promise<void> {
  for await (const each of events ?? []) {
    const event = each as { type: string; kind?: string; key?: string; resource?: Resource }
    const { kind, key } = event.resource ?? event
    if (kind === undefined) continue
    const others = recorded(task).filter((one) => one.kind !== kind || one.key !== key)
    writeFileSync(
      `${task.record}.new`,
      JSON.stringify([...others, ...(event.resource ? [event.resource] : [])]),
    )
    renameSync(`${task.record}.new`, task.record)
  }
}

/** What takes its time is there when the task comes. */
async function loadAll(driver: string): Promise<void> {
  await (await loadFactory(driver)).open(driverDeps('/nowhere'))
  await (driver === 'amazonec2' ? import('@aws-sdk/client-ec2') : import('axios'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await loadAll(process.argv[2] ?? '')
  const task = JSON.parse(await text(process.stdin)) as CloudTask
  await perform(task, await openDriver(task))
}
