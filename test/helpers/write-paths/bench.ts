/** Write paths, each in a directory of its own, that begin again and again from the same start. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Change } from '../file-changes.js'
import { watchingFiles } from '../faulty-fs.js'
import { PowerModel } from '../power-model.js'
import type { Seen, WritePath } from '../write-paths.js'
import { modulesOnStack } from './on-stack.js'

/** One run without a fault. */
export interface Rehearsal {
  readonly path: WritePath
  readonly dir: string
  readonly changes: readonly Change[]
  readonly power: PowerModel
  /** Modules of ours that changed something, or asked one that does. */
  readonly modules: ReadonlySet<string>
  readonly seen: Seen
}

export class Bench {
  readonly #scratch = mkdtempSync(join(tmpdir(), 'tsm-faults-'))
  #count = 0

  close(): void {
    rmSync(this.#scratch, { recursive: true, force: true })
  }

  async rehearse(path: WritePath): Promise<Rehearsal> {
    const dir = join(this.#scratch, String(this.#count++))
    mkdirSync(dir, { mode: 0o700 })
    await path.prepare?.(dir)
    copy(dir, `${dir}.start`)
    const changes: Change[] = []
    const modules = new Set<string>()
    const power = new PowerModel(dir)
    const before = (change: Change): void => {
      changes.push(change)
      power.before(change)
      for (const module of modulesOnStack()) modules.add(module)
    }
    await watchingFiles([dir], { before, after: (change) => power.after(change) }, () => path.act(dir))
    return { path, dir, changes, power, modules, seen: await path.look(dir) }
  }

  /** The same start for each case, at the same place: records hold paths. */
  restore({ dir }: Rehearsal): void {
    rmSync(dir, { recursive: true, force: true })
    copy(`${dir}.start`, dir)
  }
}

function copy(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
}
