import { Args } from '@oclif/core'
import type { Artefact, ListedArtefact } from '../contracts/image.js'
import type { JsonObject } from '../contracts/json.js'
import type { ArtefactStore } from '../images/artefact-store.js'
import { artefactSbom } from '../images/sbom.js'
import { renderTable } from '../ui/table.js'
import { artefactStore, type BuildChoices } from './artefact-store.js'
import { BaseCommand } from './base-command.js'

export const IMAGE_ID = {
  id: Args.string({ description: 'Beginning of its id, or its version', ignoreStdin: true }),
}

/** What the commands of the group `image` share. */
export abstract class ImageCommand extends BaseCommand {
  protected artefacts(choices: BuildChoices = {}): ArtefactStore {
    return artefactStore(this.session.env, choices)
  }
}

/** A checked artefact's bill of materials, as `image sbom` prints it. */
export function billOfMaterials({ manifest }: Artefact): JsonObject {
  return artefactSbom(manifest)
}

/** The table of `image ls`. */
export function renderArtefacts(rows: readonly ListedArtefact[]): string {
  return renderTable([
    ['ID', 'KIND', 'ARCH', 'VERSION', 'SIZE', 'FROM', 'USED', 'ERRORS'],
    ...rows.map((row) => [
      row.id.slice(0, 12),
      row.kind ?? '',
      row.arch ?? '',
      row.version ?? '',
      `${(row.sizeBytes / 1e6).toFixed(1)} MB`,
      row.source ?? '',
      row.current ? '*' : '-',
      row.error ?? '',
    ]),
  ])
}
