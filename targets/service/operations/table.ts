import * as keys from './accessKeyOperations.ts';
import * as artifacts from './artifactOperations.ts';
import * as certificates from './certificateOperations.ts';
import * as events from './eventOperations.ts';
import * as executions from './executionOperations.ts';
import * as faults from './faultOperations.ts';
import * as groups from './groupOperations.ts';
import * as jobs from './jobOperations.ts';
import * as members from './membershipOperations.ts';
import type { Operation } from './operation.ts';
import * as provisioning from './provisioningOperations.ts';
import * as registry from './registryOperations.ts';
import * as tags from './tagOperations.ts';
import * as templates from './templateOperations.ts';

/**
 * The control plane: one table that HTTP routing, validation, the command line and its help are read from. An operation is
 * added by writing its row and, where it is served, its handler.
 */
const ROWS = [
  registry.CREATE_THING,
  registry.DESCRIBE_THING,
  registry.UPDATE_THING,
  registry.LIST_THINGS,
  registry.DELETE_THING,
  certificates.CREATE_KEYS_AND_CERTIFICATE,
  certificates.CREATE_CERTIFICATE_FROM_CSR,
  certificates.DESCRIBE_CERTIFICATE,
  certificates.UPDATE_CERTIFICATE,
  certificates.DELETE_CERTIFICATE,
  certificates.ATTACH_THING_PRINCIPAL,
  certificates.DETACH_THING_PRINCIPAL,
  certificates.LIST_CERTIFICATES,
  certificates.LIST_THING_PRINCIPALS,
  certificates.LIST_PRINCIPAL_THINGS,
  provisioning.CREATE_PROVISIONING_TEMPLATE,
  provisioning.DESCRIBE_PROVISIONING_TEMPLATE,
  provisioning.LIST_PROVISIONING_TEMPLATES,
  provisioning.UPDATE_PROVISIONING_TEMPLATE,
  provisioning.DELETE_PROVISIONING_TEMPLATE,
  provisioning.CREATE_PROVISIONING_TEMPLATE_VERSION,
  provisioning.DESCRIBE_PROVISIONING_TEMPLATE_VERSION,
  provisioning.LIST_PROVISIONING_TEMPLATE_VERSIONS,
  provisioning.DELETE_PROVISIONING_TEMPLATE_VERSION,
  provisioning.CREATE_PROVISIONING_CLAIM,
  groups.CREATE_THING_GROUP,
  groups.DESCRIBE_THING_GROUP,
  groups.UPDATE_THING_GROUP,
  groups.LIST_THING_GROUPS,
  groups.DELETE_THING_GROUP,
  members.ADD_THING_TO_THING_GROUP,
  members.REMOVE_THING_FROM_THING_GROUP,
  members.UPDATE_THING_GROUPS_FOR_THING,
  members.LIST_THINGS_IN_THING_GROUP,
  members.LIST_THING_GROUPS_FOR_THING,
  tags.TAG_RESOURCE,
  tags.UNTAG_RESOURCE,
  tags.LIST_TAGS_FOR_RESOURCE,
  events.UPDATE_EVENT_CONFIGURATIONS,
  events.DESCRIBE_EVENT_CONFIGURATIONS,
  registry.DESCRIBE_ENDPOINT,
  jobs.CREATE_JOB,
  jobs.DESCRIBE_JOB,
  jobs.LIST_JOBS,
  jobs.GET_JOB_DOCUMENT,
  jobs.CANCEL_JOB,
  jobs.DELETE_JOB,
  jobs.UPDATE_JOB,
  jobs.ASSOCIATE_TARGETS_WITH_JOB,
  templates.CREATE_JOB_TEMPLATE,
  templates.DESCRIBE_JOB_TEMPLATE,
  templates.LIST_JOB_TEMPLATES,
  templates.DELETE_JOB_TEMPLATE,
  templates.DESCRIBE_MANAGED_JOB_TEMPLATE,
  templates.LIST_MANAGED_JOB_TEMPLATES,
  executions.CANCEL_JOB_EXECUTION,
  executions.DELETE_JOB_EXECUTION,
  executions.DESCRIBE_JOB_EXECUTION,
  executions.LIST_JOB_EXECUTIONS_FOR_JOB,
  executions.LIST_JOB_EXECUTIONS_FOR_THING,
] as const;

/** What AWS has elsewhere or not at all. */
const OWN_ROWS = [
  provisioning.ATTACH_PROVISIONING_CLAIM,
  provisioning.DETACH_PROVISIONING_CLAIM,
  keys.LIST_ACCESS_KEYS,
  keys.CREATE_ACCESS_KEY,
  keys.UPDATE_ACCESS_KEY,
  keys.DELETE_ACCESS_KEY,
  artifacts.LIST_ARTIFACTS,
  artifacts.DELETE_ARTIFACT,
  faults.SET_FAULTS,
  faults.GET_FAULTS,
  faults.CLEAR_FAULTS,
] as const;

export type OperationName = (typeof ROWS)[number]['name'] | (typeof OWN_ROWS)[number]['name'];

export const OPERATIONS: readonly (Operation & { readonly name: OperationName })[] = [...ROWS, ...OWN_ROWS];

/** Those that are AWS's, under its names. */
export const AWS_OPERATIONS: typeof OPERATIONS = ROWS;

/** What answers an operation: validated input in, the answer's members out (undefined: none). */
export type Handler = (input: never) => Promise<object | undefined>;

/** One handler for each row: the compiler names the one that is missing. */
export type Handlers = { readonly [Name in OperationName]: Handler };
