import { METHODS } from '../../src/drivers/plugin/wire/codecs.js'
import type { PluginHandlers, PluginMethod, PluginMethods } from '../../src/drivers/plugin/wire/plugin-api.js'

/** All handlers of a served driver by one function. */
export function handledBy(
  answer: (method: PluginMethod, argument: unknown) => Promise<unknown>,
): PluginHandlers {
  const handlers = Object.keys(METHODS)
    .filter(isPluginMethod)
    .map((method) => [
      method,
      (argument: PluginMethods[typeof method]['argument']) => answer(method, argument),
    ])
  return Object.fromEntries(handlers) as PluginHandlers
}

export function isPluginMethod(name: string): name is PluginMethod {
  return Object.hasOwn(METHODS, name)
}
