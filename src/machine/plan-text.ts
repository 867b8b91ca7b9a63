import { renderPlan } from '../../provision/render-plan.js'
import type { Plan } from '../contracts/provision.js'

/** A plan as the user reads it, secrets hidden. */
export function planText(plan: Plan): string {
  return renderPlan(plan)
}
