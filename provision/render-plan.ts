import type { Plan, Step } from '../src/contracts/provision.js'

/** A plan for people (`--dry-run`): each step, why, and what it does. Secrets are not shown. */
export function renderPlan(plan: Plan): string {
  const head = plan.warnings.map((text) => `warning: ${text}\n`).join('')
  if (plan.steps.length === 0) return `${head}Nothing to do: the host is as it should be.\n`
  return (
    head + plan.steps.map((step, index) => `${index + 1}. ${step.why}\n${indent(details(step))}`).join('')
  )
}

function details(step: Step): string[] {
  const when = step.onChange ? [`only if "${step.onChange}" changed`] : []
  switch (step.kind) {
    case 'file':
      return [...when, `write ${step.path} (mode ${step.mode})`, ...content(step)]
    case 'remove':
      return [...when, `remove ${step.path}`]
    case 'run':
      return [...when, `run ${step.argv.map(quoted).join(' ')}`]
    case 'bundle':
      return [...when, `unpack the engine bundle to /opt/tsmachine/${step.version}`]
  }
}

function content(step: Extract<Step, { kind: 'file' }>): string[] {
  if (step.secret) return ['  (secret)']
  if (step.content.includes('-----BEGIN')) return ['  (certificate)']
  const lines = step.content.trimEnd().split('\n')
  // Proxies are given with their password in the address.
  return lines.map((line) => `  ${line.replace(/(:\/\/)[^/@\s"]+@/g, '$1***@')}`)
}

function quoted(word: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `   ${line}\n`).join('')
}
