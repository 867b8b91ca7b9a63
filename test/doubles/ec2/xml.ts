/** Answers: the SDK's own output object becomes EC2's XML; what the description does not have is a mistake of the double. */
import type { Ec2Error } from './errors.js'
import type { Operation, Shape } from './model.js'

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
const SPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/'

export function answerXml(operation: Operation, output: object, requestId: string): string {
  const body = write(operation.output, output, operation.name)
  const name = `${operation.name}Response`
  return `${HEAD}<${name} xmlns="${SPACE}"><requestId>${requestId}</requestId>${body}</${name}>`
}

export function errorXml({ code, message }: Ec2Error, requestId: string): string {
  const error = `<Error><Code>${escape(code)}</Code><Message>${escape(message)}</Message></Error>`
  return `${HEAD}<Response><Errors>${error}</Errors><RequestID>${requestId}</RequestID></Response>`
}

function write(shape: Shape, value: unknown, path: string): string {
  if (shape.kind === 'struct') {
    const members = shape.members()
    const fields = Object.entries(value as object).filter(([, each]) => each !== undefined)
    return fields
      .map(([name, each]) => {
        const member = members.find((one) => one.name === name)
        if (!member) throw new Error(`${path} has no member ${name} in the SDK's description`)
        return element(member.xmlName, write(member.shape, each, `${path}.${name}`))
      })
      .join('')
  }
  if (shape.kind === 'list') {
    if (!Array.isArray(value)) throw new Error(`${path} is a list in the SDK's description`)
    return value.map((each) => element(shape.itemXml, write(shape.item, each, path))).join('')
  }
  return escape(scalar(value, path))
}

function scalar(value: unknown, path: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return `${value}`
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  throw new Error(`${path} is no simple value: ${JSON.stringify(value)}`)
}

function element(name: string, inside: string): string {
  return inside === '' ? `<${name}/>` : `<${name}>${inside}</${name}>`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char)
}
