import { rm } from 'node:fs/promises'
import type { DriverDeps, DriverEvent, DriverMachine } from '../../contracts/driver.js'
import { fileError } from '../../util/file-error.js'
import { partialOf } from './disks.js'
import { dropPidFile } from './elsewhere.js'
import { endForwarder } from './forwarder-start.js'
import { machineFiles, type MachineFiles } from './layout.js'
import { cutPower } from './power.js'
import { endCutTemplates } from './template-cut.js'

/** Files that each kind of resource stands for. Never taken from the record: that one may be foreign. */
const FILES: Readonly<Record<string, (files: MachineFiles) => readonly string[]>> = {
  vm: (files) => [files.console, files.oldConsole, files.log, files.manualForwards, files.pid],
  forwarder: (files) => [files.forwards],
  disk: ({ data, root }) => [data, partialOf(data), root, partialOf(root)],
  seed: (files) => [files.seed],
  'saved-memory': ({ saved, savedInfo }) => [partialOf(saved), saved, savedInfo],
}

/** Ends the VM and removes what belongs to it, whatever part of it exists. */
export async function* removeMachine(
  deps: DriverDeps,
  machine: DriverMachine,
  signal: AbortSignal,
): AsyncIterable<DriverEvent> {
  signal.throwIfAborted()
  endForwarder(machine)
  await cutPower(machine, deps.clock, signal)
  const files = machineFiles(machine.dir)
  for (const { kind, key } of [...machine.resources].reverse()) {
    for (const path of FILES[kind]?.(files) ?? []) await removePath(path)
    yield { type: 'removed', kind, key }
  }
  // Also without a VM in the record: they are there before a VM is announced.
  dropPidFile(machine)
  await removePath(await deps.runtimeDir(machine.id))
  yield* endCutTemplates(deps)
}

async function removePath(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw fileError('remove', path, error)
  }
}
