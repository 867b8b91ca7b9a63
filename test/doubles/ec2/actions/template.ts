import type {
  LaunchTemplateSpecification,
  RequestLaunchTemplateData,
  RunInstancesRequest,
} from '@aws-sdk/client-ec2'
import { refuse } from '../errors.js'
import type { Region, Template } from '../state.js'

type Named = Pick<LaunchTemplateSpecification, 'LaunchTemplateId' | 'LaunchTemplateName'>

export function templateOf(
  region: Region,
  { LaunchTemplateId: id, LaunchTemplateName: name }: Named,
): Template {
  if (id !== undefined)
    return (
      region.templates.get(id) ??
      refuse(
        'InvalidLaunchTemplateId.NotFound',
        `The specified launch template, with template ID ${id}, does not exist.`,
      )
    )
  if (name === undefined) return refuse('MissingParameter', 'A launch template ID or name is needed.')
  return (
    [...region.templates.values()].find(({ about }) => about.LaunchTemplateName === name) ??
    refuse(
      'InvalidLaunchTemplateName.NotFoundException',
      `The specified launch template, with template name ${name}, does not exist.`,
    )
  )
}

export function versionOf(template: Template, wanted = '$Default'): RequestLaunchTemplateData {
  const { versions, about } = template
  const number =
    wanted === '$Latest'
      ? versions.length
      : wanted === '$Default'
        ? about.DefaultVersionNumber
        : Number(wanted)
  return (
    versions[(number ?? 0) - 1] ??
    refuse('InvalidLaunchTemplateId.VersionNotFound', `Could not find launch template version ${wanted}.`)
  )
}

/** What the request says wins over its template, also for tags. */
export function withTemplate(region: Region, input: RunInstancesRequest): RunInstancesRequest {
  if (!input.LaunchTemplate) return input
  const data = versionOf(templateOf(region, input.LaunchTemplate), input.LaunchTemplate.Version)
  const { TagSpecifications: tags = [], ...rest } = data
  const own = input.TagSpecifications ?? []
  const isGiven = (type: string | undefined, key: string | undefined): boolean =>
    own.some(({ ResourceType, Tags }) => ResourceType === type && Tags?.some(({ Key }) => Key === key))
  const others = tags.map(({ ResourceType, Tags = [] }) => ({
    ResourceType,
    Tags: Tags.filter(({ Key }) => !isGiven(ResourceType, Key)),
  }))
  return { ...(rest as Partial<RunInstancesRequest>), ...input, TagSpecifications: [...others, ...own] }
}
