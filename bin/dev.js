#!/usr/bin/env node
// For work on the sources: compiles what changed, then runs the program. bin/dev.js ls
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const compiler = at('node_modules/typescript/bin/tsc')
const compile = ['-p', at('tsconfig.json'), '--incremental', '--tsBuildInfoFile', at('dist/dev.tsbuildinfo')]
for (const args of [
  [compiler, ...compile],
  [at('tools/manifest.mjs')],
  [at('bin/run.cjs'), ...process.argv.slice(2)],
]) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
