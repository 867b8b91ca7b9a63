import type { RateBudget } from '../../../contracts/account.js'

/** One budget out of several: a call takes a turn of each. */
export function allBudgets(budgets: readonly RateBudget[]): RateBudget {
  return {
    async take(signal) {
      for (const budget of budgets) await budget.take(signal)
    },
    exhausted: (resetAt) => budgets.forEach((budget) => budget.exhausted(resetAt)),
  }
}
