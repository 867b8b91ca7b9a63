import { oneLine } from '../util/text.js'

/** One finding of `doctor`, as it is shown. */
export interface ShownDiagnosis {
  readonly check: string
  readonly level: 'good' | 'note' | 'bad'
  readonly text: string
  readonly hint?: string
}

const MARKS: Readonly<Record<ShownDiagnosis['level'], string>> = { good: 'ok  ', note: 'note', bad: 'BAD ' }

/** One line per finding, the hint below it. */
export function renderDiagnoses(diagnoses: readonly ShownDiagnosis[]): string {
  return diagnoses.map(lines).join('')
}

function lines({ check, level, text, hint }: ShownDiagnosis): string {
  const first = `${MARKS[level]}  ${oneLine(check)}: ${oneLine(text)}\n`
  return hint === undefined ? first : `${first}        ${oneLine(hint)}\n`
}
