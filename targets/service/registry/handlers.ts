import type { InputOf } from '../operations/operation.ts';
import type * as rows from '../operations/registryOperations.ts';
import { attachThingPrincipal, createKeysAndCertificate } from './certificates.ts';
import { describeEndpoint } from './endpoints.ts';
import { addThingToThingGroup, createThingGroup } from './groups.ts';
import type { Registry } from './registry.ts';
import { createThing, describeThing, listThings } from './things.ts';

/** The registry's part of the handlers that the HTTPS side is started with. */
export function registryHandlers(registry: Registry) {
  return {
    CreateThing: (input: InputOf<typeof rows.CREATE_THING>) => createThing(registry, input),
    DescribeThing: (input: InputOf<typeof rows.DESCRIBE_THING>) => describeThing(registry, input),
    ListThings: (input: InputOf<typeof rows.LIST_THINGS>) => listThings(registry, input),
    CreateKeysAndCertificate: (input: InputOf<typeof rows.CREATE_KEYS_AND_CERTIFICATE>) =>
      createKeysAndCertificate(registry, input),
    AttachThingPrincipal: (input: InputOf<typeof rows.ATTACH_THING_PRINCIPAL>) => attachThingPrincipal(registry, input),
    CreateThingGroup: (input: InputOf<typeof rows.CREATE_THING_GROUP>) => createThingGroup(registry, input),
    AddThingToThingGroup: async (input: InputOf<typeof rows.ADD_THING_TO_THING_GROUP>) => {
      await addThingToThingGroup(registry, input);
      return {};
    },
    DescribeEndpoint: (input: InputOf<typeof rows.DESCRIBE_ENDPOINT>) => describeEndpoint(registry, input),
  };
}
