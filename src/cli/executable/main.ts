/**
 * Where the single executable begins (docs/architecture.md, "The single executable"): what bin/run.cjs is elsewhere.
 * Everything else is inside it too, and set up when it is needed.
 */
import { basename } from 'node:path'
import { HELPER_WORD } from '../../util/own-program.js'

interface Program {
  run(argv: readonly string[], calledAs: string): Promise<never>
}

async function start(): Promise<void> {
  const given = process.env['TSMACHINE_CALLED_AS'] // a .cmd shim has no other way to say it
  delete process.env['TSMACHINE_CALLED_AS']
  const calledAs = basename(given || process.argv[1] || 'tsmachine').replace(/\.exe$/, '')
  const { codeInside } = await import('./inside.js')
  if (process.argv[2] === HELPER_WORD) {
    process.argv.splice(2, 1)
    codeInside().load('helper.cjs')
    return
  }
  await (codeInside().load('main.cjs') as Program).run(process.argv.slice(2), calledAs)
}

void start()
