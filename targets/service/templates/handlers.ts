import type { InputOf } from '../operations/operation.ts';
import type * as rows from '../operations/templateOperations.ts';
import type { Registry } from '../registry/registry.ts';
import {
  createJobTemplate,
  deleteJobTemplate,
  describeJobTemplate,
  describeManagedJobTemplate,
  listJobTemplates,
  listManagedJobTemplates,
} from './jobTemplates.ts';

/** The templates' part of the handlers that the HTTPS side is started with. */
export function templateHandlers(registry: Registry) {
  return {
    CreateJobTemplate: (input: InputOf<typeof rows.CREATE_JOB_TEMPLATE>) => createJobTemplate(registry, input),
    DescribeJobTemplate: (input: InputOf<typeof rows.DESCRIBE_JOB_TEMPLATE>) => describeJobTemplate(registry, input),
    ListJobTemplates: (input: InputOf<typeof rows.LIST_JOB_TEMPLATES>) => listJobTemplates(registry, input),
    DeleteJobTemplate: async (input: InputOf<typeof rows.DELETE_JOB_TEMPLATE>) => {
      await deleteJobTemplate(registry, input);
      return undefined;
    },
    DescribeManagedJobTemplate: (input: InputOf<typeof rows.DESCRIBE_MANAGED_JOB_TEMPLATE>) =>
      describeManagedJobTemplate(registry, input),
    ListManagedJobTemplates: (input: InputOf<typeof rows.LIST_MANAGED_JOB_TEMPLATES>) =>
      listManagedJobTemplates(registry, input),
  };
}
