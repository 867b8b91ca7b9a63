/** The computer that figures come from: without it they say nothing. */
import { cpus, loadavg, totalmem } from 'node:os'
import { chooseAccelerator } from '../src/drivers/qemu/verdicts.js'
import { inspectQemu } from '../src/drivers/qemu/qemu-program.js'
import { systemClock } from '../src/util/clock.js'
import { cachePath } from '../src/util/paths.js'

export interface Computer {
  readonly platform: string
  readonly arch: string
  readonly cpu: string
  readonly cores: number
  readonly memoryMb: number
  readonly node: string
  /** What `create` would choose here; `boot` says when it takes another. */
  readonly accelerator: string
}

/** Mean number of processes that wanted a core in the last minute. */
export function load(): number {
  return loadavg()[0] ?? 0
}

export async function thisComputer(): Promise<Computer> {
  const cores = cpus()
  return {
    platform: process.platform,
    arch: process.arch,
    cpu: cores[0]?.model.trim() ?? '',
    cores: cores.length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    accelerator: await accelerator(),
  }
}

async function accelerator(): Promise<string> {
  const { signal } = new AbortController()
  try {
    const program = await inspectQemu('qemu-system-x86_64', cachePath(), signal)
    const tools = { clock: systemClock, cacheDir: cachePath() }
    return (await chooseAccelerator('auto', program, tools, signal)).name
  } catch {
    return 'none: QEMU does not run here'
  }
}
