import { renderTable } from './table.js'

interface Shown {
  readonly name: string
  readonly package: string
  readonly version: string
  readonly integrity: string
  readonly contract: string
  readonly path: string
  readonly error?: string
}

/** The table of `driver ls`. */
export function renderPackages(rows: readonly Shown[]): string {
  return renderTable([
    ['NAME', 'PACKAGE', 'VERSION', 'CONTRACT', 'OK', 'INTEGRITY', 'PATH'],
    ...rows.map((row) => [
      row.name,
      row.package,
      row.version,
      row.contract,
      row.error === undefined ? 'yes' : `no: ${row.error}`,
      row.integrity || '-',
      row.path,
    ]),
  ])
}

/** What was installed, and what it replaced. */
export function installedText(
  { package: from, version, integrity, name }: Pick<Shown, 'package' | 'version' | 'integrity' | 'name'>,
  previous?: string,
): string {
  const instead = previous === undefined || previous === version ? '' : ` in place of ${previous}`
  return [
    `Installed ${from} ${version}${instead}`,
    `Integrity: ${integrity || 'npm says none'}`,
    `Use it: tsmachine create --driver ${name} NAME`,
  ].join('\n')
}
