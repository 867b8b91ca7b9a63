/** What the double can do, by the names that EC2 has for it. */
import type { Action } from '../state.js'
import * as attributes from './attributes.js'
import * as fleet from './fleet.js'
import * as groups from './groups.js'
import * as instances from './instances.js'
import * as keys from './keys.js'
import * as offers from './offers.js'
import { runInstances } from './run.js'
import * as spot from './spot.js'
import * as storage from './storage.js'
import * as tags from './tags.js'
import * as templates from './templates.js'

type AnyAction = Action<Record<string, unknown>, object>

/** Undefined for what EC2 has and the double has not. */
export function actionNamed(name: string): AnyAction | undefined {
  return ACTIONS.get(name)
}

/** These look at all that is asked before they say that a dry run would have succeeded. */
export const OWN_DRY_RUN: ReadonlySet<string> = new Set(['RunInstances'])

const ACTIONS: ReadonlyMap<string, AnyAction> = new Map(
  Object.entries({
    ...attributes,
    ...fleet,
    ...groups,
    ...instances,
    ...keys,
    ...offers,
    runInstances,
    ...spot,
    ...storage,
    ...tags,
    ...templates,
  }).map(([name, action]) => [name.slice(0, 1).toUpperCase() + name.slice(1), action as AnyAction]),
)
