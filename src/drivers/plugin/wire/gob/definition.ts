import type { GobType } from './types.js'
import { GobError, GobStruct, type GobValue } from './values.js'

/** A type as the value that defines it; the mirror of what the type table reads. */
export function definitionOf(id: number, type: GobType): GobStruct {
  const common = struct({ Name: 'name' in type ? type.name : '', Id: id })
  switch (type.kind) {
    case 'array':
      return struct({ ArrayT: struct({ CommonType: common, Elem: type.element, Len: type.length }) })
    case 'slice':
      return struct({ SliceT: struct({ CommonType: common, Elem: type.element }) })
    case 'map':
      return struct({ MapT: struct({ CommonType: common, Key: type.key, Elem: type.element }) })
    case 'struct': {
      const fields = type.fields.map(([name, fieldType]) => struct({ Name: name, Id: fieldType }))
      return struct({ StructT: struct({ CommonType: common, Field: fields }) })
    }
    case 'opaque':
      return struct({ GobEncoderT: struct({ CommonType: common }) })
    case 'scalar':
    case 'interface':
      throw new GobError('a definition of what every peer knows')
  }
}

function struct(fields: Readonly<Record<string, GobValue>>): GobStruct {
  return new GobStruct('', new Map(Object.entries(fields)))
}
