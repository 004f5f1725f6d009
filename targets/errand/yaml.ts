import { CORE_SCHEMA, load } from 'js-yaml';

/** Aliases save typing; of many, a few lines could become gigabytes. */
const ALIASES_MAX = 100;

/** The value of one document in YAML 1.2's core schema: JSON's kinds of values alone. @throws Error with line and column */
export function decodeYaml(text: string): unknown {
  return load(text, { schema: CORE_SCHEMA, maxAliases: ALIASES_MAX });
}
