/** AWS's managed job templates, version 1.0 (spec: documents §2, control plane §2.14). */

export interface ManagedTemplate {
  templateName: string;
  templateVersion: string;
  description: string;
  environments: string[];
  documentParameters: DocumentParameter[];
  /** JSON text with `${aws:iot:parameter:KEY}` where a value goes. */
  document: string;
}

export interface DocumentParameter {
  key: string;
  description: string;
  /** All of a value must match it. */
  regex: string;
  example: string;
  optional: boolean;
}

const VERSION = '1.0';

const RUN_AS_USER: DocumentParameter = {
  key: 'runAsUser',
  description:
    'Execute handler as another user. If not specified, then handler is executed as the same user as device client.',
  regex: '(.){0,256}',
  example: 'user1',
  optional: true,
};
const PATH_TO_HANDLER: DocumentParameter = {
  key: 'pathToHandler',
  description:
    'Path to handler on the device. If not specified, then device client will use the current working directory.',
  regex: '(.){0,4096}',
  example: '/path/to/handler/script',
  optional: true,
};
const PACKAGES = required('packages', 'Space separated list of one or more packages.', 'nginx wget');
const SERVICES = required('services', 'Space separated list of one or more services.', 'nginx httpd');

/** In the order in which they are listed. */
export const MANAGED_TEMPLATES: readonly ManagedTemplate[] = [
  handled('Download-File', 'downloading a file', 'download-file.sh', [
    required('downloadUrl', 'URL of file to download.', 'http://www.example.com/index.html'),
    required('filePath', 'Path on the device where downloaded file is written.', '/path/to/file'),
  ]),
  handled('Install-Application', 'installing one or more applications', 'install-packages.sh', [PACKAGES]),
  handled('Reboot', 'rebooting the device', 'reboot.sh', []),
  handled('Remove-Application', 'uninstalling one or more applications', 'remove-packages.sh', [PACKAGES]),
  handled('Restart-Application', 'restarting one or more system services', 'restart-services.sh', [SERVICES]),
  template(
    'Run-Command',
    'running a shell command',
    { type: 'runCommand', input: { command: placeholder('command') } },
    [required('command', 'Command to run, its words parted by commas.', 'echo,Hello'), RUN_AS_USER],
  ),
  handled('Start-Application', 'starting one or more system services', 'start-services.sh', [SERVICES]),
  handled('Stop-Application', 'stopping one or more system services', 'stop-services.sh', [SERVICES]),
];

/** @param version  the only one there is, if not given */
export function managedTemplate(name: string, version = VERSION): ManagedTemplate | undefined {
  return MANAGED_TEMPLATES.find((one) => one.templateName === name && one.templateVersion === version);
}

/** `AWS-Reboot:1.0`, as its ARN ends. */
export function managedId({ templateName, templateVersion }: ManagedTemplate): string {
  return `${templateName}:${templateVersion}`;
}

/** What stands in a document for the value of a parameter. */
function placeholder(key: string): string {
  return `\${aws:iot:parameter:${key}}`;
}

/** A step that calls a script on the device with the required parameters, each as one argument. */
function handled(name: string, purpose: string, handler: string, parameters: DocumentParameter[]): ManagedTemplate {
  const args = parameters.map(({ key }) => placeholder(key));
  const input = { handler, ...(args.length === 0 ? {} : { args }), path: placeholder('pathToHandler') };
  return template(name, purpose, { type: 'runHandler', input }, [...parameters, RUN_AS_USER, PATH_TO_HANDLER]);
}

function template(
  name: string,
  purpose: string,
  action: { type: string; input: object },
  documentParameters: DocumentParameter[],
): ManagedTemplate {
  const step = { action: { name, ...action, runAsUser: placeholder('runAsUser') } };
  return {
    templateName: `AWS-${name}`,
    templateVersion: VERSION,
    description: `A managed job template for ${purpose}.`,
    environments: ['LINUX'],
    documentParameters,
    document: JSON.stringify({ version: '1.0', steps: [step] }),
  };
}

function required(key: string, description: string, example: string): DocumentParameter {
  return { key, description, regex: '(.*?)', example, optional: false };
}
