import { readdir, rm } from 'node:fs/promises'
import type { DriverDeps, DriverEvent } from '../../contracts/driver.js'
import { isMachineError, messageOf } from '../../contracts/errors.js'
import { acquireLock, type Lock } from '../../util/locks.js'
import { cutPower } from './power.js'
import { cutTemplateKey, templateLock, templateMachine, templatePartial, templatesDir } from './template.js'

const NEVER = new AbortController().signal

/**
 * Ends what is left of templates whose making was cut (kill -9): the VM that booted for it, its sockets, its folder. No
 * machine's record names them. One that somebody makes right now is left alone.
 */
export async function* endCutTemplates(deps: DriverDeps): AsyncGenerator<DriverEvent> {
  const root = templatesDir(deps.cacheDir)
  const keys = (await readdir(root).catch(() => [])).map(cutTemplateKey)
  for (const key of new Set(keys)) {
    try {
      if (key !== undefined) await endCut(deps, root, key)
    } catch (error) {
      yield { type: 'log', level: 'warn', text: `A template that is half made is left: ${messageOf(error)}` }
    }
  }
}

async function endCut(deps: DriverDeps, root: string, key: string): Promise<void> {
  const lock = await lockUnlessHeld(templateLock(root, key))
  if (!lock) return
  try {
    const machine = templateMachine(key, templatePartial(root, key))
    await cutPower(machine, deps.clock, NEVER)
    for (const path of [machine.dir, await deps.runtimeDir(machine.id)])
      await rm(path, { recursive: true, force: true })
  } finally {
    await lock.release()
  }
}

async function lockUnlessHeld(path: string): Promise<Lock | undefined> {
  try {
    return await acquireLock(path, { what: 'removing a half made template', waitMs: 0 })
  } catch (error) {
    if (isMachineError(error) && error.code === 'locked') return undefined
    throw error
  }
}
