/** Errors in EC2's form. */

/** Statuses that are not 400. */
const STATUS: Readonly<Record<string, number>> = {
  AuthFailure: 401,
  UnauthorizedOperation: 403,
  DryRunOperation: 412,
  InsufficientInstanceCapacity: 500,
  InternalError: 500,
  Unavailable: 503,
  RequestLimitExceeded: 503,
}

export class Ec2Error extends Error {
  readonly status: number

  constructor(
    readonly code: string,
    message: string,
    status?: number,
  ) {
    super(message)
    this.status = status ?? STATUS[code] ?? 400
  }
}

/** What throws it: `refuse('InvalidGroup.NotFound', ...)`. */
export function refuse(code: string, message: string): never {
  throw new Ec2Error(code, message)
}

/** `InvalidParameterValue` in the words that EC2 has for most parameters. */
export function badValue(parameter: string, value: unknown, why = ''): never {
  return refuse(
    'InvalidParameterValue',
    `Value (${String(value)}) for parameter ${parameter} is invalid. ${why}`.trim(),
  )
}
