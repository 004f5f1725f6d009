import { invalidRequest } from '../operations/refusals.ts';
import type { DocumentParameter, ManagedTemplate } from './managed.ts';

/**
 * The document of a managed template with its parameters put in, each as the inside of a JSON string (control plane §8); an
 * optional one that is not given is empty.
 *
 * A value may bring a placeholder of its own, such as one for a presigned URL, which is resolved when a device gets the
 * document; a parameter inside of a value is not looked at again.
 *
 * @throws ModelledError InvalidRequestException: one is missing, unknown, or does not match its regex
 */
export function documentWith(template: ManagedTemplate, given: Readonly<Record<string, string>> = {}): string {
  const { templateName, documentParameters } = template;
  const unknown = Object.keys(given).find((key) => !documentParameters.some((parameter) => parameter.key === key));
  if (unknown !== undefined)
    throw invalidRequest(
      `${templateName} has no parameter ${unknown}: expected ${documentParameters.map(({ key }) => key).join(', ')}`,
    );
  const values = new Map(
    documentParameters.map((parameter) => {
      const value = Object.hasOwn(given, parameter.key) ? given[parameter.key] : undefined;
      return [parameter.key, checked(templateName, parameter, value)];
    }),
  );
  return template.document.replace(
    /\$\{aws:iot:parameter:([a-zA-Z0-9_-]+)\}/g,
    (_, key: string) => values.get(key) ?? '',
  );
}

/** The value as it stands between the quotes of a JSON string. */
function checked(templateName: string, parameter: DocumentParameter, value: string | undefined): string {
  const { key, regex, optional } = parameter;
  if (value === undefined) {
    if (optional) return '';
    throw invalidRequest(`${templateName} needs the parameter ${key}, and documentParameters does not have it`);
  }
  if (!new RegExp(`^(?:${regex})$`, 'u').test(value))
    throw invalidRequest(`The parameter ${key} is '${value.slice(0, 128)}': expected to match ${regex}`);
  return JSON.stringify(value).slice(1, -1);
}
