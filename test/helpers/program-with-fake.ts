import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileInto } from './compiled.js'
import { runDir } from './run-dir.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOUBLE = 'test/doubles/fake-driver'

/** The registry with one more driver, which has no host behind it: its create is stage `make` alone. */
const REGISTRY = `
import * as builtin from './builtin.js'
import { factory } from '../../${DOUBLE}/index.js'
export * from './builtin.js'
const fake = { ...factory, capabilities: { ...factory.capabilities, ssh: false } }
export const driverNames = () => [...builtin.driverNames(), 'fake']
export const allFlags = async () => [...(await builtin.allFlags()), { driver: 'fake', flags: fake.flags }]
export const loadFactory = async (name) => (name === 'fake' ? fake : await builtin.loadFactory(name))
`

/**
 * A copy of the built program that also has the fake driver, for tests that start it as users do. The caller removes
 * the folder.
 */
export function programWithFake(): { readonly dir: string; readonly program: string } {
  const dir = runDir('program')
  for (const part of ['package.json', 'bin', 'dist', 'tools/manifest.mjs'])
    cpSync(join(ROOT, part), join(dir, part), { recursive: true })
  for (const part of ['node_modules', 'provision', 'image-build'])
    symlinkSync(join(ROOT, part), join(dir, part))
  const compiled = join(dir, 'compiled')
  mkdirSync(compiled)
  compileInto(compiled, [`${DOUBLE}/index.ts`])
  cpSync(join(compiled, DOUBLE), join(dir, 'dist', DOUBLE), { recursive: true })
  rmSync(compiled, { recursive: true })
  const drivers = join(dir, 'dist/src/drivers')
  renameSync(join(drivers, 'registry.js'), join(drivers, 'builtin.js'))
  writeFileSync(join(drivers, 'registry.js'), REGISTRY)
  // Words are read with what it says of flags.
  execFileSync(process.execPath, [join(dir, 'tools/manifest.mjs')])
  return { dir, program: join(dir, 'bin/run.cjs') }
}
