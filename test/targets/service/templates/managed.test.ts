import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDocument } from '../../../../runtime/jobs/document.ts';
import { MANAGED_TEMPLATES, managedTemplate } from '../../../../targets/service/templates/managed.ts';
import { documentWith } from '../../../../targets/service/templates/parameters.ts';

/** Name, handler, arguments: the table of documents §2. */
const TABLE: Record<string, [handler: string, ...args: string[]]> = {
  'AWS-Reboot': ['reboot.sh'],
  'AWS-Download-File': ['download-file.sh', 'downloadUrl', 'filePath'],
  'AWS-Install-Application': ['install-packages.sh', 'packages'],
  'AWS-Remove-Application': ['remove-packages.sh', 'packages'],
  'AWS-Start-Application': ['start-services.sh', 'services'],
  'AWS-Stop-Application': ['stop-services.sh', 'services'],
  'AWS-Restart-Application': ['restart-services.sh', 'services'],
};

const placeholder = (key: string) => `\${aws:iot:parameter:${key}}`;
const refusal = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    const { type, message } = error as { type: string; message: string };
    return `${type}: ${message}`;
  }
  return 'no refusal';
};

for (const [name, [handler, ...args]] of Object.entries(TABLE))
  test(`${name}: its document and parameters are those of documents §2`, () => {
    const template = managedTemplate(name)!;
    assert.equal(JSON.parse(template.document), {
      version: '1.0',
      steps: [
        {
          action: {
            name: name.slice('AWS-'.length),
            type: 'runHandler',
            input: { handler, ...(args.length && { args: args.map(placeholder) }), path: placeholder('pathToHandler') },
            runAsUser: placeholder('runAsUser'),
          },
        },
      ],
    });
    const parameters = template.documentParameters.map(({ key, regex, optional }) => [key, regex, optional]);
    assert.equal(parameters, [
      ...args.map((key) => [key, '(.*?)', false]),
      ['runAsUser', '(.){0,256}', true],
      ['pathToHandler', '(.){0,4096}', true],
    ]);
    assert.match(template.description, /^A managed job template for .*\.$/);
    assert.equal([template.environments, template.templateVersion], [['LINUX'], '1.0']);
  });

test('AWS-Run-Command: a command instead of a handler, and no path', () => {
  const { document, documentParameters } = managedTemplate('AWS-Run-Command')!;
  const input = { command: placeholder('command') };
  assert.equal(JSON.parse(document).steps, [
    { action: { name: 'Run-Command', type: 'runCommand', input, runAsUser: placeholder('runAsUser') } },
  ]);
  assert.equal(
    documentParameters.map(({ key }) => key),
    ['command', 'runAsUser'],
  );
  assert.is(MANAGED_TEMPLATES.length, 8);
  assert.is(managedTemplate('AWS-Run-Command', '1.1'), undefined);
});

test('every managed template makes a document that our own device takes, its examples match their regex', () => {
  for (const template of MANAGED_TEMPLATES) {
    const examples = Object.fromEntries(template.documentParameters.map(({ key, example }) => [key, example]));
    const full = documentWith(template, examples);
    assert.not.match(full, '$');
    const required = template.documentParameters.filter(({ optional }) => !optional);
    const least = documentWith(template, Object.fromEntries(required.map(({ key, example }) => [key, example])));
    for (const document of [full, least])
      assert.not.ok('fault' in Object(parseDocument(JSON.parse(document))), template.templateName);
  }
});

test('documentWith: a value is one JSON string whatever is in it, and is not looked at again', () => {
  const command = `echo,"a\\b" ü 😀 $& $1 ${placeholder('runAsUser')}`;
  const document = JSON.parse(documentWith(managedTemplate('AWS-Run-Command')!, { command, runAsUser: 'root' }));
  assert.is(document.steps[0].action.input.command, command);
  assert.is(document.steps[0].action.runAsUser, 'root');
});

test('documentWith: an optional parameter that is absent is empty; missing, unknown and unfitting ones are refused', () => {
  const install = managedTemplate('AWS-Install-Application')!;
  const { action } = JSON.parse(documentWith(install, { packages: 'wget curl' })).steps[0];
  assert.equal(
    [action.input, action.runAsUser],
    [{ handler: 'install-packages.sh', args: ['wget curl'], path: '' }, ''],
  );
  assert.is(
    refusal(() => documentWith(install)),
    'InvalidRequestException: AWS-Install-Application needs the parameter packages, and documentParameters does not have it',
  );
  assert.is(
    refusal(() => documentWith(install, { packages: 'a', toString: 'b' })),
    'InvalidRequestException: AWS-Install-Application has no parameter toString: expected packages, runAsUser, pathToHandler',
  );
  assert.match(
    refusal(() => documentWith(install, { packages: 'a', runAsUser: 'u'.repeat(257) })),
    'InvalidRequestException: The parameter runAsUser is',
  );
  assert.match(
    refusal(() => documentWith(install, { packages: 'a\nb' })),
    'expected to match (.*?)',
  );
});

test.run();
