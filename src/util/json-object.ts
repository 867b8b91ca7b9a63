import { type ErrorCode, MachineError } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'

/** The JSON object that a text is; undefined for any other text. */
export function jsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * A driver's state as an object. @throws MachineError with that code for any other text. It does not tell the text, nor
 * does a cause: a state may hold secrets.
 */
export function stateObject(state: string, code: ErrorCode): JsonObject {
  const fields = jsonObject(state)
  if (fields) return fields
  throw new MachineError(code, "The driver's state is not a JSON object")
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
