import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../contracts/clock.js'
import { MachineError } from '../../contracts/errors.js'
import { makePrivateDir, writeFileAtomic } from '../../util/atomic-file.js'
import { bootId } from '../../util/process.js'
import { type Accelerator, acceleratorsFor, TCG } from './accelerators.js'
import { readJsonFile, writeJsonFile } from './json-file.js'
import { probeArgv, probeFirmware } from './probe-guest.js'
import { type Probe, runProbeGuest } from './probe-run.js'
import type { QemuProgram } from './qemu-program.js'

/** Whether an accelerator really runs a guest on this computer. */
export interface Verdict {
  readonly accelerator: string
  readonly ok: boolean
  readonly text: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What a choice is made with. `run` may be replaced in tests. */
export interface ProbeTools {
  readonly clock: Clock
  readonly cacheDir: string
  readonly bootId?: string
  readonly platform?: string
  readonly arch?: string
  readonly probe?: (row: Accelerator, program: QemuProgram, signal: AbortSignal) => Promise<Probe>
}

/** A bad verdict may have passed (module loaded, rights given); a good one holds until a reboot or another QEMU. */
const BAD_FOR_MS = 3_600_000
const CACHE_FILE = 'qemu-accelerators.json'

/**
 * The accelerator for a VM: the one asked for, or the first that runs the probe guest.
 * @throws MachineError `preflight` when the one asked for does not exist on this kind of computer
 */
export async function chooseAccelerator(
  wanted: string,
  program: QemuProgram,
  tools: ProbeTools,
  signal: AbortSignal,
): Promise<Accelerator> {
  const rows = rowsOf(tools)
  if (wanted !== 'auto') {
    const row = rows.find(({ name }) => name === wanted)
    if (row) return row
    throw new MachineError('preflight', `The accelerator ${wanted} does not exist on this kind of computer`, {
      hints: [`Choose one of: auto, ${rows.map(({ name }) => name).join(', ')}`],
    })
  }
  for (const row of rows) if ((await verdictOf(row, program, tools, false, signal)).ok) return row
  return TCG
}

/** Verdicts on all accelerators of this computer; `fresh` tries bad ones again. */
export async function allVerdicts(
  program: QemuProgram,
  tools: ProbeTools,
  fresh: boolean,
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = []
  for (const row of rowsOf(tools)) verdicts.push(await verdictOf(row, program, tools, fresh, signal))
  return verdicts
}

function rowsOf(tools: ProbeTools): readonly Accelerator[] {
  return acceleratorsFor(tools.platform ?? process.platform, tools.arch ?? process.arch)
}

/** The cached verdict while it holds, else the probe guest's. */
export async function verdictOf(
  row: Accelerator,
  program: QemuProgram,
  tools: ProbeTools,
  fresh: boolean,
  signal: AbortSignal,
): Promise<Verdict> {
  if (row.name === TCG.name) return { accelerator: row.name, ok: true, text: 'emulation', at: 0 }
  const cacheFile = join(tools.cacheDir, CACHE_FILE)
  const key = [row.name, program.version, tools.bootId ?? bootId()].join(' ')
  const now = tools.clock.now().getTime()
  const cached = (readJsonFile(cacheFile) ?? {}) as unknown as Record<string, Verdict>
  const known = cached[key]
  if (known && (known.ok || (!fresh && now - known.at < BAD_FOR_MS && now >= known.at))) return known
  const probe = await (tools.probe ?? runProbe(tools.cacheDir))(row, program, signal)
  const verdict = { accelerator: row.name, ...probe, at: now }
  await writeJsonFile(cacheFile, { ...cached, [key]: verdict })
  return verdict
}

/** Boots the probe guest and waits for its one byte. */
function runProbe(cacheDir: string): NonNullable<ProbeTools['probe']> {
  return async (row, program, signal) => {
    const refusal = hostRefusal(row)
    if (refusal !== undefined) return { ok: false, text: refusal }
    const firmware = await firmwareFile(cacheDir)
    return await runProbeGuest(program.path, probeArgv(firmware, row.accel, row.cpu), signal)
  }
}

function hostRefusal(row: Accelerator): string | undefined {
  if (row.name !== 'kvm' || existsSync('/dev/kvm')) return undefined
  return 'there is no /dev/kvm'
}

async function firmwareFile(cacheDir: string): Promise<string> {
  const path = join(cacheDir, 'probe-guest.bin')
  await makePrivateDir(cacheDir)
  await writeFileAtomic(path, probeFirmware())
  return path
}
