import type * as keys from '../operations/accessKeyOperations.ts';
import type * as certificates from '../operations/certificateOperations.ts';
import type * as events from '../operations/eventOperations.ts';
import type * as groups from '../operations/groupOperations.ts';
import type * as members from '../operations/membershipOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import type * as rows from '../operations/registryOperations.ts';
import type * as tags from '../operations/tagOperations.ts';
import { addAccessKey, deleteAccessKey, listAccessKeys, updateAccessKey } from './accessKeys.ts';
import {
  createCertificateFromCsr,
  createKeysAndCertificate,
  deleteCertificate,
  describeCertificate,
  listCertificates,
  updateCertificate,
} from './certificates.ts';
import { describeEndpoint } from './endpoints.ts';
import { describeEventConfigurations, updateEventConfigurations } from './events.ts';
import { createThingGroup, deleteThingGroup, describeThingGroup, listThingGroups, updateThingGroup } from './groups.ts';
import {
  addThingToThingGroup,
  listThingGroupsForThing,
  listThingsInThingGroup,
  removeThingFromThingGroup,
  updateThingGroupsForThing,
} from './membership.ts';
import { attachThingPrincipal, detachThingPrincipal, listPrincipalThings, listThingPrincipals } from './principals.ts';
import type { Registry } from './registry.ts';
import { listTagsForResource, tagResource, untagResource } from './tags.ts';
import { createThing, deleteThing, describeThing, listThings, updateThing } from './things.ts';

/** The registry's part of the handlers that the HTTPS side is started with. */
export function registryHandlers(registry: Registry) {
  return {
    CreateThing: (input: InputOf<typeof rows.CREATE_THING>) => createThing(registry, input),
    DescribeThing: (input: InputOf<typeof rows.DESCRIBE_THING>) => describeThing(registry, input),
    ListThings: (input: InputOf<typeof rows.LIST_THINGS>) => listThings(registry, input),
    CreateKeysAndCertificate: (input: InputOf<typeof certificates.CREATE_KEYS_AND_CERTIFICATE>) =>
      createKeysAndCertificate(registry, input),
    AttachThingPrincipal: (input: InputOf<typeof certificates.ATTACH_THING_PRINCIPAL>) =>
      attachThingPrincipal(registry, input),
    CreateCertificateFromCsr: (input: InputOf<typeof certificates.CREATE_CERTIFICATE_FROM_CSR>) =>
      createCertificateFromCsr(registry, input),
    DescribeCertificate: (input: InputOf<typeof certificates.DESCRIBE_CERTIFICATE>) =>
      describeCertificate(registry, input),
    UpdateCertificate: async (input: InputOf<typeof certificates.UPDATE_CERTIFICATE>) => {
      await updateCertificate(registry, input);
      return undefined;
    },
    DeleteCertificate: async (input: InputOf<typeof certificates.DELETE_CERTIFICATE>) => {
      await deleteCertificate(registry, input);
      return undefined;
    },
    ListPrincipalThings: (input: InputOf<typeof certificates.LIST_PRINCIPAL_THINGS>) =>
      listPrincipalThings(registry, input),
    DetachThingPrincipal: (input: InputOf<typeof certificates.DETACH_THING_PRINCIPAL>) =>
      detachThingPrincipal(registry, input),
    ListCertificates: (input: InputOf<typeof certificates.LIST_CERTIFICATES>) => listCertificates(registry, input),
    ListThingPrincipals: (input: InputOf<typeof certificates.LIST_THING_PRINCIPALS>) =>
      listThingPrincipals(registry, input),
    UpdateThing: async (input: InputOf<typeof rows.UPDATE_THING>) => {
      await updateThing(registry, input);
      return {};
    },
    DeleteThing: async (input: InputOf<typeof rows.DELETE_THING>) => {
      await deleteThing(registry, input);
      return {};
    },
    CreateThingGroup: (input: InputOf<typeof groups.CREATE_THING_GROUP>) => createThingGroup(registry, input),
    DescribeThingGroup: (input: InputOf<typeof groups.DESCRIBE_THING_GROUP>) => describeThingGroup(registry, input),
    UpdateThingGroup: (input: InputOf<typeof groups.UPDATE_THING_GROUP>) => updateThingGroup(registry, input),
    ListThingGroups: (input: InputOf<typeof groups.LIST_THING_GROUPS>) => listThingGroups(registry, input),
    DeleteThingGroup: async (input: InputOf<typeof groups.DELETE_THING_GROUP>) => {
      await deleteThingGroup(registry, input);
      return {};
    },
    AddThingToThingGroup: async (input: InputOf<typeof members.ADD_THING_TO_THING_GROUP>) => {
      await addThingToThingGroup(registry, input);
      return {};
    },
    RemoveThingFromThingGroup: async (input: InputOf<typeof members.REMOVE_THING_FROM_THING_GROUP>) => {
      await removeThingFromThingGroup(registry, input);
      return {};
    },
    UpdateThingGroupsForThing: async (input: InputOf<typeof members.UPDATE_THING_GROUPS_FOR_THING>) => {
      await updateThingGroupsForThing(registry, input);
      return {};
    },
    ListThingsInThingGroup: (input: InputOf<typeof members.LIST_THINGS_IN_THING_GROUP>) =>
      listThingsInThingGroup(registry, input),
    ListThingGroupsForThing: (input: InputOf<typeof members.LIST_THING_GROUPS_FOR_THING>) =>
      listThingGroupsForThing(registry, input),
    TagResource: async (input: InputOf<typeof tags.TAG_RESOURCE>) => {
      await tagResource(registry, input);
      return {};
    },
    UntagResource: async (input: InputOf<typeof tags.UNTAG_RESOURCE>) => {
      await untagResource(registry, input);
      return {};
    },
    ListTagsForResource: (input: InputOf<typeof tags.LIST_TAGS_FOR_RESOURCE>) => listTagsForResource(registry, input),
    UpdateEventConfigurations: async (input: InputOf<typeof events.UPDATE_EVENT_CONFIGURATIONS>) => {
      await updateEventConfigurations(registry, input);
      return {};
    },
    DescribeEventConfigurations: () => describeEventConfigurations(registry),
    ListAccessKeys: () => listAccessKeys(registry),
    CreateAccessKey: () => addAccessKey(registry),
    UpdateAccessKey: async (input: InputOf<typeof keys.UPDATE_ACCESS_KEY>) => {
      await updateAccessKey(registry, input);
      return undefined;
    },
    DeleteAccessKey: async (input: InputOf<typeof keys.DELETE_ACCESS_KEY>) => {
      await deleteAccessKey(registry, input);
      return undefined;
    },
    DescribeEndpoint: (input: InputOf<typeof rows.DESCRIBE_ENDPOINT>) => describeEndpoint(registry, input),
  };
}
