import type { DriverCapabilities, FlagSpec } from '../contracts/driver.js'
import { renderTable } from './table.js'

interface Shown {
  readonly name: string
  readonly summary: string
  readonly capabilities: DriverCapabilities
  readonly flags: readonly Omit<FlagSpec, 'key'>[]
}

/** Capabilities in words, each with the answer that is worth telling. */
const ABILITIES: readonly (readonly [string, (able: DriverCapabilities) => boolean])[] = [
  ['starts, stops and kills machines', ({ power }) => power],
  ['suspends them', ({ suspend }) => suspend],
  ['shows their console', ({ console }) => console],
  ['boots our own image', ({ bootImage }) => bootImage],
  ["forwards ports from this computer's address", ({ forwards }) => forwards],
  ['has a firewall (access)', ({ access }) => access],
  ['finds by tag what was left behind (gc, adopt)', ({ inventory }) => inventory],
  ['knows the host key before the first connection', ({ hostKey, ssh }) => ssh && hostKey === 'given'],
  ['wants to be told the host key', ({ hostKey, ssh, opaque }) => ssh && hostKey === 'first-use' && !opaque],
  ['pins the host key that it sees first', ({ ssh, opaque }) => ssh && opaque],
  ['knows only the address of an engine', ({ ssh }) => !ssh],
]

/** One line a driver. */
export function renderDrivers(drivers: readonly Shown[]): string {
  const rows = drivers.map(({ name, summary, flags }) => [name, summary, required(flags)])
  return renderTable([['NAME', 'MAKES', 'REQUIRED'], ...rows])
}

function required(flags: Shown['flags']): string {
  return flags
    .filter((flag) => flag.required)
    .map((flag) => `--${flag.name}`)
    .join(' ')
}

/** One driver with all its flags. */
export function renderDriver({ name, summary, capabilities, flags }: Shown): string {
  const able = ABILITIES.filter(([, isSo]) => isSo(capabilities)).map(([text]) => `  ${text}\n`)
  const rows = flags.map((flag) => [`--${flag.name}`, flag.env ?? '', defaultOf(flag), describe(flag)])
  return [
    `${name}: ${summary}\n\nIt\n${able.join('')}`,
    renderTable([['FLAG', 'VARIABLE', 'DEFAULT', 'WHAT'], ...rows]),
  ].join('\n')
}

function defaultOf({ default: value }: Shown['flags'][number]): string {
  return value === undefined || value === false ? '' : Array.isArray(value) ? value.join(',') : String(value)
}

function describe({ summary, required: isRequired, secret, options }: Shown['flags'][number]): string {
  const notes = [
    ...(isRequired ? ['required'] : []),
    ...(secret ? ['secret'] : []),
    ...(options ? [`one of ${options.join(', ')}`] : []),
  ]
  return notes.length > 0 ? `${summary} (${notes.join('; ')})` : summary
}
