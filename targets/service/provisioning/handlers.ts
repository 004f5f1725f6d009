import type { InputOf } from '../operations/operation.ts';
import type * as rows from '../operations/provisioningOperations.ts';
import type { Registry } from '../registry/registry.ts';
import { attachProvisioningClaim, createProvisioningClaim, detachProvisioningClaim } from './claims.ts';
import {
  createProvisioningTemplate,
  deleteProvisioningTemplate,
  describeProvisioningTemplate,
  listProvisioningTemplates,
  updateProvisioningTemplate,
} from './templates.ts';
import {
  createProvisioningTemplateVersion,
  deleteProvisioningTemplateVersion,
  describeProvisioningTemplateVersion,
  listProvisioningTemplateVersions,
} from './templateVersions.ts';

/** Provisioning's part of the handlers that the HTTPS side is started with. */
export function provisioningHandlers(registry: Registry) {
  return {
    CreateProvisioningTemplate: (input: InputOf<typeof rows.CREATE_PROVISIONING_TEMPLATE>) =>
      createProvisioningTemplate(registry, input),
    DescribeProvisioningTemplate: (input: InputOf<typeof rows.DESCRIBE_PROVISIONING_TEMPLATE>) =>
      describeProvisioningTemplate(registry, input),
    ListProvisioningTemplates: (input: InputOf<typeof rows.LIST_PROVISIONING_TEMPLATES>) =>
      listProvisioningTemplates(registry, input),
    UpdateProvisioningTemplate: async (input: InputOf<typeof rows.UPDATE_PROVISIONING_TEMPLATE>) => {
      await updateProvisioningTemplate(registry, input);
      return {};
    },
    DeleteProvisioningTemplate: async (input: InputOf<typeof rows.DELETE_PROVISIONING_TEMPLATE>) => {
      await deleteProvisioningTemplate(registry, input);
      return {};
    },
    CreateProvisioningTemplateVersion: (input: InputOf<typeof rows.CREATE_PROVISIONING_TEMPLATE_VERSION>) =>
      createProvisioningTemplateVersion(registry, input),
    DescribeProvisioningTemplateVersion: (input: InputOf<typeof rows.DESCRIBE_PROVISIONING_TEMPLATE_VERSION>) =>
      describeProvisioningTemplateVersion(registry, input),
    ListProvisioningTemplateVersions: (input: InputOf<typeof rows.LIST_PROVISIONING_TEMPLATE_VERSIONS>) =>
      listProvisioningTemplateVersions(registry, input),
    DeleteProvisioningTemplateVersion: async (input: InputOf<typeof rows.DELETE_PROVISIONING_TEMPLATE_VERSION>) => {
      await deleteProvisioningTemplateVersion(registry, input);
      return {};
    },
    CreateProvisioningClaim: (input: InputOf<typeof rows.CREATE_PROVISIONING_CLAIM>) =>
      createProvisioningClaim(registry, input),
    AttachProvisioningClaim: async (input: InputOf<typeof rows.ATTACH_PROVISIONING_CLAIM>) => {
      await attachProvisioningClaim(registry, input);
      return undefined;
    },
    DetachProvisioningClaim: async (input: InputOf<typeof rows.DETACH_PROVISIONING_CLAIM>) => {
      await detachProvisioningClaim(registry, input);
      return undefined;
    },
  };
}
