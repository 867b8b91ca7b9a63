import type { ServerResponse } from 'node:http'
import type { CloudDouble } from './double.js'
import type { Fault } from './faults.js'
import { send } from './http.js'
import type { Conditions } from './power.js'

/**
 * What a double in a process of its own is told and asked under /_double/.
 * @returns whether the request was for us
 */
export async function answerControl(
  double: CloudDouble,
  path: string,
  method: string,
  body: string,
  response: ServerResponse,
): Promise<boolean> {
  const what = /^\/_double\/(\w+)$/.exec(path)?.[1]
  if (what === undefined) return false
  const controls: Record<string, () => unknown> = {
    'POST faults': () => double.fail(JSON.parse(body) as Fault),
    'DELETE faults': () => double.faults.clear(),
    'POST conditions': () => Object.assign(double.conditions, conditionsOf(body)),
    'GET inventory': () => double.inventory(),
    'GET requests': () => double.requests,
    'GET counts': () => double.counts(),
    'GET violations': () => double.violations,
  }
  const control = controls[`${method} ${what}`]
  const result = await Promise.resolve(control?.())
  send(response, { status: control ? 200 : 404, body: (result ?? null) as never })
  return true
}

/** JSON has no number without end: null stands for it. */
function conditionsOf(body: string): Partial<Conditions> {
  return JSON.parse(body, (_key, value: unknown) =>
    value === null ? Infinity : value,
  ) as Partial<Conditions>
}
