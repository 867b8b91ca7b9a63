import type { Space } from '../src/contracts/provision.js'
import { type RawFacts, withoutRoot } from './engine-facts.js'

interface Mount {
  readonly point: string
  readonly options: readonly string[]
}

/** Room and restrictions where the bundle and the engine's data go. */
export function hostSpace(raw: RawFacts, root: string): { opt: Space; data: Space } {
  const mounts = (raw['mounts'] ?? '').split('\n').map((line) => mount(line))
  return {
    opt: space('/opt', raw['df_opt'] ?? '', mounts, root),
    data: space(raw['data_root'] ?? '/var/lib/docker', raw['df_data'] ?? '', mounts, root),
  }
}

/** Mount points in /proc/mounts have blanks as `\\040`. */
function mount(line: string): Mount {
  const [, point = '', , options = ''] = line.split(' ')
  const unescaped = point.replace(/\\([0-7]{3})/g, (_all, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  )
  return { point: unescaped, options: options.split(',') }
}

/** By `df -Pk FOLDER`. Where it says nothing, nothing is forbidden and room is not known to be short. */
function space(path: string, df: string, mounts: readonly Mount[], root: string): Space {
  const match = /\s(\d+)\s+-?\d+%\s+(\/.*)$/m.exec(df)
  const point = match?.[2] ?? ''
  // The last one covers those before.
  const options = mounts.findLast((candidate) => candidate.point === point)?.options ?? []
  return {
    path,
    mount: withoutRoot(point, root) || path,
    freeBytes: match ? Number(match[1]) * 1024 : Number.MAX_SAFE_INTEGER,
    isReadOnly: options.includes('ro'),
    isNoexec: options.includes('noexec'),
  }
}
