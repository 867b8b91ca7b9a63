/** What a double in a process of its own is told and asked under /_double/, as those of other providers are. */
import type { Fault } from '../cloud/faults.js'
import type { Ec2Double } from './double.js'
import type { Capacity, Death, Limits } from './state.js'

/** JSON; undefined when the request is not for us. */
export function answerControl(
  double: Ec2Double,
  method: string,
  path: string,
  body: string,
): string | undefined {
  const what = /^\/_double\/(\w+)$/.exec(path)?.[1]
  if (what === undefined) return undefined
  const { account } = double
  const controls: Readonly<Record<string, () => unknown>> = {
    'POST faults': () => double.fail(JSON.parse(body) as Fault),
    'DELETE faults': () => double.faults.clear(),
    'POST capacity': () => account.capacity.push(JSON.parse(body) as Capacity),
    'POST deaths': () => account.deaths.push(JSON.parse(body) as Death),
    'POST limits': () => Object.assign(account.limits, JSON.parse(body) as Partial<Limits>),
    'GET inventory': () => double.inventory(),
    'GET requests': () => double.requests,
    'GET counts': () => double.counts(),
    'GET violations': () => double.violations,
  }
  const control = controls[`${method} ${what}`]
  return control ? JSON.stringify(control() ?? null) : undefined
}
