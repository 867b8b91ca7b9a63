import { renderTable } from './table.js'

const NAMES: readonly (readonly ['ssh' | 'engine', string])[] = [
  ['ssh', 'SSH'],
  ['engine', 'engine API'],
]

/** Who may reach one machine. */
export interface AccessRow {
  readonly name: string
  readonly here?: string
  readonly ssh: readonly string[]
  readonly engine: readonly string[]
  readonly unsettled?: true
}

/** The table of `access NAME`. */
export function renderAccess(machines: readonly AccessRow[]): string {
  return renderTable([
    ['NAME', 'PORT', 'OPEN TO'],
    ...machines.flatMap((access) =>
      NAMES.map(([port, name]) => [access.name, name, sourcesText(access[port], access)]),
    ),
  ])
}

function sourcesText(sources: readonly string[], { here, unsettled }: AccessRow): string {
  const texts = sources.map((source) => (source === here ? `${source} (here)` : source))
  const all = sources.includes('0.0.0.0/0') ? 'any address' : texts.join(', ') || 'nobody'
  return unsettled ? `${all} (an earlier change was cut: --here settles it)` : all
}
