import type {
  CreateLaunchTemplateRequest,
  CreateLaunchTemplateResult,
  DeleteLaunchTemplateRequest,
  DeleteLaunchTemplateResult,
  DescribeLaunchTemplatesRequest,
  DescribeLaunchTemplatesResult,
  DescribeLaunchTemplateVersionsRequest,
  DescribeLaunchTemplateVersionsResult,
} from '@aws-sdk/client-ec2'
import { refuse } from '../errors.js'
import { filtered, page } from '../filters.js'
import type { Action } from '../state.js'
import { tagsFor } from './tagged.js'
import { templateOf, versionOf } from './template.js'

export const createLaunchTemplate: Action<CreateLaunchTemplateRequest, CreateLaunchTemplateResult> = ({
  input,
  region,
  account,
}) => {
  const { LaunchTemplateName: name = '', ClientToken: token = '' } = input
  const earlier = region.templates.get(region.tokens.get(`template ${token}`)?.ids[0] ?? '')
  if (earlier) return { LaunchTemplate: earlier.about }
  if (!/^[a-zA-Z0-9().\-/_]{3,128}$/.test(name))
    refuse('InvalidLaunchTemplateName.MalformedException', 'The launch template name is malformed.')
  if ([...region.templates.values()].some(({ about }) => about.LaunchTemplateName === name))
    refuse('InvalidLaunchTemplateName.AlreadyExistsException', 'Launch template name already in use.')
  const id = account.id('lt')
  const about = {
    LaunchTemplateId: id,
    LaunchTemplateName: name,
    CreateTime: account.clock.now(),
    DefaultVersionNumber: 1,
    LatestVersionNumber: 1,
    Tags: tagsFor(input.TagSpecifications, 'launch-template'),
  }
  region.templates.set(id, { about, versions: [input.LaunchTemplateData ?? {}] })
  if (token !== '') region.tokens.set(`template ${token}`, { request: name, ids: [id] })
  return { LaunchTemplate: about }
}

export const describeLaunchTemplates: Action<
  DescribeLaunchTemplatesRequest,
  DescribeLaunchTemplatesResult
> = ({ input, region }) => {
  const ids = (input.LaunchTemplateIds ?? []).map((LaunchTemplateId) =>
    templateOf(region, { LaunchTemplateId }),
  )
  const names = (input.LaunchTemplateNames ?? []).map((LaunchTemplateName) =>
    templateOf(region, { LaunchTemplateName }),
  )
  const named = [...ids, ...names]
  const asked = input.LaunchTemplateIds || input.LaunchTemplateNames ? named : [...region.templates.values()]
  const found = filtered(
    asked.map(({ about }) => about),
    input.Filters,
    { 'launch-template-name': (each) => each.LaunchTemplateName },
  )
  const { items, NextToken } = page(found, input, { least: 1, most: 200 })
  return { LaunchTemplates: items, NextToken }
}

export const describeLaunchTemplateVersions: Action<
  DescribeLaunchTemplateVersionsRequest,
  DescribeLaunchTemplateVersionsResult
> = ({ input, region }) => {
  const template = templateOf(region, input)
  const all = template.versions.map((_, at) => String(at + 1))
  const data = (input.Versions ?? all).map((version) => versionOf(template, version))
  return {
    LaunchTemplateVersions: data.map((each) => ({
      LaunchTemplateId: template.about.LaunchTemplateId,
      LaunchTemplateName: template.about.LaunchTemplateName,
      VersionNumber: template.versions.indexOf(each) + 1,
      DefaultVersion: template.versions.indexOf(each) + 1 === template.about.DefaultVersionNumber,
      // What is asked for and what is shown differ in members that only EC2 fills.
      LaunchTemplateData: each,
    })),
  }
}

export const deleteLaunchTemplate: Action<DeleteLaunchTemplateRequest, DeleteLaunchTemplateResult> = ({
  input,
  region,
}) => {
  const { about } = templateOf(region, input)
  region.templates.delete(about.LaunchTemplateId ?? '')
  return { LaunchTemplate: about }
}
