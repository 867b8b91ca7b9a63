import { MachineError } from '../../src/contracts/errors.js'
import type { InitSystem } from '../../src/contracts/provision.js'

/** systemd leaves out an assignment that has one, without a word. */
const CONTROL = /[^\P{Cc}\t]/u

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/

/** Splits `--engine-env` values. @throws MachineError `usage` for one that is no NAME=VALUE or spans lines */
export function parseEnvironment(entries: readonly string[]): [name: string, value: string][] {
  return entries.map((entry) => {
    const match = ASSIGNMENT.exec(entry)
    if (!match || CONTROL.test(entry))
      throw new MachineError('usage', `--engine-env ${entry.split('=')[0]}: it should be one line NAME=VALUE`)
    return [match[1] ?? '', match[2] ?? '']
  })
}

/** engine.env of our boot image: NAME=VALUE lines that are taken as they are. */
export function literalEnvironment(entries: readonly string[]): string {
  return parseEnvironment(entries)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** A file of exports that a service script reads: in single quotes nothing but the quote itself means anything to a shell. */
export function shellEnvironment(entries: readonly string[]): string {
  return parseEnvironment(entries)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('')
}

/** systemd's EnvironmentFile (systemd.exec(5)): in double quotes, `\` before `"`, `\`, `` ` `` and `$` is taken away. */
export function systemdEnvironment(entries: readonly string[]): string {
  return parseEnvironment(entries)
    .map(([name, value]) => `${name}="${value.replace(/["\\`$]/g, '\\$&')}"\n`)
    .join('')
}

/** How each init system reads the engine's environment. */
export const ENVIRONMENTS: Readonly<Record<InitSystem, (entries: readonly string[]) => string>> = {
  tsmachine: literalEnvironment,
  systemd: systemdEnvironment,
  openrc: shellEnvironment,
  boot2docker: shellEnvironment,
  unknown: literalEnvironment,
}
