import { execFileSync } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleMain } from '../../tools/bundle.mjs'
import { runDir } from './run-dir.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FAKE = JSON.stringify(join(ROOT, 'test/doubles/fake-driver/index.ts'))

/** The drivers with one more, which has no host behind it: its create is stage `make` alone. */
const REPLACED = {
  'src/drivers/registry.ts': `
import * as builtin from 'original:src/drivers/registry.ts'
import { factory } from ${FAKE}
const fake = { ...factory, capabilities: { ...factory.capabilities, ssh: false } }
export * from 'original:src/drivers/registry.ts'
export const driverNames = () => [...builtin.driverNames(), 'fake']
export const isBuiltIn = (name: string) => name === 'fake' || builtin.isBuiltIn(name)
export const loadFactory = async (name: string) => (name === 'fake' ? fake : await builtin.loadFactory(name))
export class Drivers extends builtin.Drivers {
  async load(name: string, purpose?: builtin.Purpose) {
    return name === 'fake' ? fake : await super.load(name, purpose)
  }
}
`,
  'src/drivers/flag-tables.ts': `
import * as builtin from 'original:src/drivers/flag-tables.ts'
import { factory } from ${FAKE}
export const allFlags = () => [...builtin.allFlags(), { driver: 'fake', flags: factory.flags }]
`,
}

/**
 * A copy of the built program that also has the fake driver, for tests that start it as users do. The caller removes
 * the folder.
 */
export async function programWithFake(): Promise<{ readonly dir: string; readonly program: string }> {
  const dir = runDir('program')
  for (const part of ['package.json', 'bin', 'dist', 'tools/manifest.mjs'])
    cpSync(join(ROOT, part), join(dir, part), { recursive: true })
  for (const part of ['node_modules', 'provision', 'image-build'])
    symlinkSync(join(ROOT, part), join(dir, part))
  await bundleMain(join(dir, 'dist'), REPLACED)
  // Words are read with what it says of flags.
  execFileSync(process.execPath, [join(dir, 'tools/manifest.mjs')])
  return { dir, program: join(dir, 'bin/run.cjs') }
}
