import { renderTable } from './table.js'

interface Shown {
  readonly driver?: string
  readonly name?: string
  readonly reference: string
  readonly origin: 'set' | 'create' | 'user'
  readonly machines: readonly string[]
}

const ORIGINS: Readonly<Record<Shown['origin'], string>> = {
  set: 'secret set',
  create: 'create',
  user: 'you',
}

/** One line a secret: its name, who keeps it, where, and for which machines. */
export function renderSecrets(rows: readonly Shown[]): string {
  const lines = rows.map(({ driver = '', name = '', origin, reference, machines }) => [
    driver,
    name,
    ORIGINS[origin],
    machines.join(','),
    reference,
  ])
  return renderTable([['DRIVER', 'NAME', 'KEPT BY', 'MACHINES', 'WHERE'], ...lines])
}
