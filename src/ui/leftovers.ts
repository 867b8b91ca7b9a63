import { shortDuration } from '../util/duration.js'
import { renderTable } from './table.js'

/** One line of `gc`, and of its JSON document. */
export interface LeftoverRow {
  readonly driver: string
  readonly kind: string
  readonly name: string
  readonly id: string
  readonly machine?: string
  readonly store?: string
  readonly createdAt?: string
  readonly monthlyPrice?: { readonly amount: number; readonly currency: string }
}

/** The table of what nobody needs, with what it costs in all. */
export function renderLeftovers(rows: readonly LeftoverRow[], now: Date): string {
  const table = renderTable([
    ['DRIVER', 'KIND', 'NAME', 'ID', 'MACHINE', 'STORE', 'AGE', 'COST'],
    ...rows.map((row) => [
      ...[row.driver, row.kind, row.name, row.id, row.machine ?? '-', row.store?.slice(0, 8) ?? '-'],
      row.createdAt === undefined ? '-' : shortDuration(now.getTime() - Date.parse(row.createdAt)),
      row.monthlyPrice === undefined ? '-' : priceText(row.monthlyPrice.amount, row.monthlyPrice.currency),
    ]),
  ])
  const sums = new Map<string, number>()
  for (const { monthlyPrice } of rows)
    if (monthlyPrice)
      sums.set(monthlyPrice.currency, (sums.get(monthlyPrice.currency) ?? 0) + monthlyPrice.amount)
  const total = [...sums].map(([currency, amount]) => priceText(amount, currency)).join(' and ')
  return total === '' ? table : `${table}Together: ${total}\n`
}

function priceText(amount: number, currency: string): string {
  return `${amount.toFixed(2)} ${currency} a month`
}
