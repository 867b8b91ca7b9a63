import type { Diagnosis, DriverDeps } from '../../contracts/driver.js'
import { isMachineError, messageOf } from '../../contracts/errors.js'
import { atLeast, inspectQemu, MIN_QEMU, type QemuProgram } from './qemu-program.js'
import { type KeptTemplate, keptTemplates } from './template.js'
import { allVerdicts, type Verdict } from './verdicts.js'

/** What `doctor` should know: QEMU itself, and which accelerators really run guests here. */
export async function diagnose(
  deps: DriverDeps,
  options: { readonly probe: boolean; readonly signal: AbortSignal },
): Promise<readonly Diagnosis[]> {
  let program: QemuProgram
  try {
    program = await inspectQemu('qemu-system-x86_64', deps.cacheDir, options.signal)
  } catch (error) {
    options.signal.throwIfAborted()
    const hint = isMachineError(error) ? error.hints[0] : undefined
    return [{ check: 'qemu', ok: false, text: messageOf(error), ...(hint === undefined ? {} : { hint }) }]
  }
  const verdicts = await allVerdicts(program, deps, options.probe, options.signal)
  const templates = await keptTemplates(deps.cacheDir)
  return [
    qemuDiagnosis(program),
    ...verdicts.map(acceleratorDiagnosis),
    ...(templates.length > 0 ? [templateDiagnosis(templates, program)] : []),
  ]
}

/** What `create --from-snapshot` keeps. Those that nothing starts from are removed with the next that is made. */
function templateDiagnosis(all: readonly KeptTemplate[], program: QemuProgram): Diagnosis {
  const idle = all.filter(({ usable, qemu }) => !usable || qemu !== program.version)
  const megabytes = all.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
  return {
    check: 'templates',
    ok: idle.length === 0,
    text: `${all.length} (${Math.round(megabytes)} MB)${idle.length > 0 ? `, ${idle.length} of no use now` : ''}`,
    ...(idle.length > 0 ? { hint: `Remove them: rm -r ${idle.map(({ dir }) => `'${dir}'`).join(' ')}` } : {}),
  }
}

function qemuDiagnosis(program: QemuProgram): Diagnosis {
  const old = !atLeast(program.version, MIN_QEMU)
  const user = program.netdevs.includes('user')
  return {
    check: 'qemu',
    ok: !old && user,
    text: `${program.path} ${program.version}${user ? '' : ', without user networking'}`,
    ...(old ? { hint: `At least ${MIN_QEMU} is needed.` } : {}),
  }
}

/** An accelerator that is missing makes VMs slow, nothing more: emulation is always there. */
function acceleratorDiagnosis(verdict: Verdict): Diagnosis {
  return {
    check: `accelerator ${verdict.accelerator}`,
    ok: verdict.ok,
    text: verdict.text,
    ...(verdict.ok ? {} : { hint: 'VMs are emulated and slow. Try again: tsmachine doctor --probe' }),
  }
}
