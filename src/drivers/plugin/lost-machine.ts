/** What is said where a plugin was cut while it made a machine: our record has its state from before. */
import { MachineError } from '../../contracts/errors.js'
import type { MachineState } from '../../contracts/state.js'

/** There may be a machine that nobody has the id of. */
export function notKnown(name: string): string {
  return `The plugin was cut while it made "${name}", and what it had made is not known: look for ${name} at its provider, and remove it there`
}

/** It was asked for its state before it was cut: what it had made is mostly in there. */
export function cutShort(name: string): string {
  return `The plugin was cut while it made "${name}"; what it said of it last is recorded, so that --resume and rm can ask for it`
}

/**
 * @param state what the plugin says now; empty where it knows of no machine
 * @param isCut whether `Create` was cut; else it failed by itself
 */
export function cannotResume(name: string, state: MachineState, isCut: boolean): MachineError {
  const how = isCut ? `was cut while it made "${name}"` : `failed to make "${name}"`
  const now = state === '' ? 'knows of no machine' : `says that it is ${state}`
  return new MachineError('driver', `The plugin ${how}, and ${now}: it cannot go on`, {
    machine: name,
    hints: [
      ...(isCut && state === '' ? [`${notKnown(name)}.`] : []),
      `Remove it and create it again: tsmachine rm ${name}`,
    ],
  })
}
