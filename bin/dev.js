#!/usr/bin/env node
// For work on the sources: builds the program (no type check), then runs it. bin/dev.js ls
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
for (const args of [
  [at('tools/bundle.mjs')],
  [at('tools/manifest.mjs')],
  [at('bin/run.cjs'), ...process.argv.slice(2)],
]) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
