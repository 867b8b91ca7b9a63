import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { MachineError } from '../src/contracts/errors.js'
import type { Plan, Step } from '../src/contracts/provision.js'
import { packageRoot } from '../src/util/paths.js'
import { hostScript } from './host-script.js'
import { tarArchive, type TarEntry } from './tar.js'

/** Sizes that the host has to know before the bundle comes. */
export interface BundleSizes {
  /** Bytes of the first, gzipped part. */
  readonly bootstrap: number
  /** Free KiB that the unpacked engine needs. */
  readonly needKiB: number
}

/** The compressed archive that apply.sh works off: itself, its scripts and the steps as data. */
export function controlArchive(plan: Plan, options: { root: string; bundle?: BundleSizes }): Buffer {
  const entries: TarEntry[] = [
    { name: 'apply.sh', content: hostScript('apply.sh'), mode: '600' },
    { name: 'root', content: `${options.root}\n`, mode: '600' },
    ...readdirSync(join(packageRoot(), 'provision', 'host', 'lib')).map((name) => ({
      name: `lib/${name}`,
      content: hostScript(`lib/${name}`),
      mode: '600',
    })),
    ...plan.steps.flatMap((step, index) => stepEntries(step, stepNumber(index), options.bundle)),
  ]
  return gzipSync(tarArchive(entries))
}

/** Steps are carried out in the order of their names. */
export function stepNumber(index: number): string {
  return String(index + 1).padStart(3, '0')
}

function stepEntries(step: Step, number: string, bundle: BundleSizes | undefined): TarEntry[] {
  const at = `steps/${number}`
  const entries: TarEntry[] = [{ name: `${at}/step`, content: attributes(step, bundle), mode: '600' }]
  if (step.kind === 'file') entries.push({ name: `${at}/content`, content: step.content, mode: step.mode })
  if (step.kind === 'run') {
    entries.push({ name: `${at}/argv`, content: words(step.argv), mode: '600' })
    if (step.evidence) entries.push({ name: `${at}/evidence`, content: words(step.evidence), mode: '600' })
  }
  return entries
}

function attributes(step: Step, bundle: BundleSizes | undefined): string {
  const common = {
    kind: step.kind,
    tag: step.tags?.join(' '),
    on_change: step.onChange,
    unless_settled: step.unlessSettled,
    settles: step.settles?.join(' '),
  }
  return lines({ ...common, ...own(step, bundle) })
}

function own(step: Step, bundle: BundleSizes | undefined): Record<string, string | undefined> {
  switch (step.kind) {
    case 'file':
      return { path: step.path, mode: step.mode, keep_mode: yes(step.keepMode) }
    case 'remove':
      return { path: step.path }
    case 'run':
      return { timeout: step.timeoutS?.toString(), tolerate: yes(step.tolerate), tells: yes(step.tells) }
    case 'bundle':
      return {
        version: step.version,
        bootstrap: bundle?.bootstrap.toString(),
        need_kb: bundle?.needKiB.toString(),
      }
  }
}

function yes(flag: boolean | undefined): string | undefined {
  return flag ? 'yes' : undefined
}

function lines(values: Record<string, string | undefined>): string {
  const filled = Object.entries(values).filter(([, value]) => value !== undefined && value !== '')
  return filled.map(([key, value]) => `${oneLine(`${key}=${value ?? ''}`)}\n`).join('')
}

function words(argv: readonly string[]): string {
  return argv.map((word) => `${oneLine(word)}\n`).join('')
}

function oneLine(text: string): string {
  if (/[\n\0]/.test(text)) throw new MachineError('bug', `a step's word spans lines: ${JSON.stringify(text)}`)
  return text
}
