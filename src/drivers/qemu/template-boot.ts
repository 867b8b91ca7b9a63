import { randomBytes } from 'node:crypto'
import type { DriverDeps } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { uuidOf } from './argv.js'
import { consoleTail } from './console.js'
import { tellGuest } from './guest-line.js'
import { signalProcess } from './process.js'
import { withQmp } from './qmp.js'
import type { Plan } from './start.js'
import type { Template } from './template.js'
import type { VmRecord } from './vm-record.js'

const MB = 1024 * 1024
const ANSWER_MS = 30_000
/** Mixed into the guest's random numbers, beside what QEMU's own new number gives. */
const RANDOM_BYTES = 64

interface Booting extends Pick<Plan, 'config' | 'files' | 'accelerator' | 'id'> {
  readonly vm: VmRecord
  readonly from: Template
}

/**
 * Lets a guest go on that was a template until now: as a machine of its own, with its own random numbers and the right
 * time before it reads its user data and makes any key. One that does not answer is ended: it may be a twin of another.
 */
export async function letBoot(deps: DriverDeps, booting: Booting, signal: AbortSignal): Promise<void> {
  const { vm, from, config, id } = booting
  try {
    await withQmp(vm.control, signal, async (qmp) => {
      await qmp.execute('cont')
      if (config.diskSize > from.diskSize)
        await qmp.execute('block_resize', { 'node-name': 'data', size: config.diskSize * MB })
    })
    const seconds = (): number => Math.round(deps.clock.now().getTime() / 1_000)
    const lines = [
      () => `fork ${randomBytes(RANDOM_BYTES).toString('base64')}`,
      () => `clock ${seconds()}`,
      () => 'boot',
    ]
    for (const line of lines) await say(booting, line(), signal)
  } catch (error) {
    signalProcess(vm, uuidOf(id), 'SIGKILL')
    throw error
  }
}

async function say({ vm, files, accelerator }: Booting, line: string, signal: AbortSignal): Promise<void> {
  const deadlineMs = ANSWER_MS * accelerator.patience
  if (await tellGuest(vm.guest, line, { deadlineMs, signal })) return
  const evidence = consoleTail(files.console, 2_000)
  throw new MachineError('driver', 'The guest does not go on from its template', {
    hints: ['It starts as usual with: tsmachine create NAME --resume'],
    ...(evidence === undefined ? {} : { evidence }),
  })
}
