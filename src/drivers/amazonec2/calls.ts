import type * as ec2 from '@aws-sdk/client-ec2'

/** The actions of EC2 that we use: their inputs and outputs. */
export interface Calls {
  AuthorizeSecurityGroupIngress: [ec2.AuthorizeSecurityGroupIngressCommandInput, object]
  CreateFleet: [ec2.CreateFleetCommandInput, ec2.CreateFleetCommandOutput]
  CreateLaunchTemplate: [ec2.CreateLaunchTemplateCommandInput, ec2.CreateLaunchTemplateCommandOutput]
  CreateSecurityGroup: [ec2.CreateSecurityGroupCommandInput, ec2.CreateSecurityGroupCommandOutput]
  CreateTags: [ec2.CreateTagsCommandInput, object]
  DeleteKeyPair: [ec2.DeleteKeyPairCommandInput, object]
  DeleteLaunchTemplate: [ec2.DeleteLaunchTemplateCommandInput, object]
  DeleteSecurityGroup: [ec2.DeleteSecurityGroupCommandInput, object]
  DeleteVolume: [ec2.DeleteVolumeCommandInput, object]
  DescribeImages: [ec2.DescribeImagesCommandInput, ec2.DescribeImagesCommandOutput]
  DescribeInstanceTypeOfferings: [
    ec2.DescribeInstanceTypeOfferingsCommandInput,
    ec2.DescribeInstanceTypeOfferingsCommandOutput,
  ]
  DescribeInstanceTypes: [ec2.DescribeInstanceTypesCommandInput, ec2.DescribeInstanceTypesCommandOutput]
  DescribeInstances: [ec2.DescribeInstancesCommandInput, ec2.DescribeInstancesCommandOutput]
  DescribeKeyPairs: [ec2.DescribeKeyPairsCommandInput, ec2.DescribeKeyPairsCommandOutput]
  DescribeLaunchTemplateVersions: [
    ec2.DescribeLaunchTemplateVersionsCommandInput,
    ec2.DescribeLaunchTemplateVersionsCommandOutput,
  ]
  DescribeLaunchTemplates: [ec2.DescribeLaunchTemplatesCommandInput, ec2.DescribeLaunchTemplatesCommandOutput]
  DescribeRegions: [ec2.DescribeRegionsCommandInput, ec2.DescribeRegionsCommandOutput]
  DescribeSecurityGroups: [ec2.DescribeSecurityGroupsCommandInput, ec2.DescribeSecurityGroupsCommandOutput]
  DescribeSubnets: [ec2.DescribeSubnetsCommandInput, ec2.DescribeSubnetsCommandOutput]
  DescribeVolumes: [ec2.DescribeVolumesCommandInput, ec2.DescribeVolumesCommandOutput]
  DescribeVpcs: [ec2.DescribeVpcsCommandInput, ec2.DescribeVpcsCommandOutput]
  GetConsoleOutput: [ec2.GetConsoleOutputCommandInput, ec2.GetConsoleOutputCommandOutput]
  ImportKeyPair: [ec2.ImportKeyPairCommandInput, ec2.ImportKeyPairCommandOutput]
  ModifyInstanceAttribute: [ec2.ModifyInstanceAttributeCommandInput, object]
  RunInstances: [ec2.RunInstancesCommandInput, ec2.RunInstancesCommandOutput]
  StartInstances: [ec2.StartInstancesCommandInput, ec2.StartInstancesCommandOutput]
  StopInstances: [ec2.StopInstancesCommandInput, ec2.StopInstancesCommandOutput]
  TerminateInstances: [ec2.TerminateInstancesCommandInput, ec2.TerminateInstancesCommandOutput]
}

export type Action = keyof Calls

/** What each is for: `AWS cannot make the instance: ...`. */
export const PURPOSES: Readonly<Record<Action, string>> = {
  AuthorizeSecurityGroupIngress: 'open the ports of the security group',
  CreateFleet: 'make the instance through a fleet',
  CreateLaunchTemplate: 'make the launch template',
  CreateSecurityGroup: 'make the security group',
  CreateTags: 'tag the instance',
  DeleteKeyPair: 'delete the key pair',
  DeleteLaunchTemplate: 'delete the launch template',
  DeleteSecurityGroup: 'delete the security group',
  DeleteVolume: 'delete the volume',
  DescribeImages: 'look for the image',
  DescribeInstanceTypeOfferings: 'ask where the instance type is offered',
  DescribeInstanceTypes: 'look at the instance type',
  DescribeInstances: 'list the instances',
  DescribeKeyPairs: 'look for the key pair',
  DescribeLaunchTemplateVersions: 'read the launch template',
  DescribeLaunchTemplates: 'look for the launch template',
  DescribeRegions: 'list the regions',
  DescribeSecurityGroups: 'look for the security group',
  DescribeSubnets: 'look for a subnet',
  DescribeVolumes: 'list the volumes',
  DescribeVpcs: 'look for the VPC',
  GetConsoleOutput: 'read the console',
  ImportKeyPair: 'import the key',
  ModifyInstanceAttribute: 'change the security groups of the instance',
  RunInstances: 'make the instance',
  StartInstances: 'start the instance',
  StopInstances: 'stop the instance',
  TerminateInstances: 'terminate the instance',
}
