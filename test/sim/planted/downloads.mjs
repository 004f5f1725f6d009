const DOWNLOADS_FOLDER = 'targets/sbc/downloads';

export const DOWNLOADS = [
  {
    name: 'trust what was not synced, after a restart of the device',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: 'bootId === settings.bootId ? size : Math.min(size, synced);',
    replace: 'bootId === undefined ? Math.min(size, synced) : size;',
  },
  {
    name: 'go on with whatever content the server has now',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: ", 'if-range': at.known.etag }",
    replace: ' }',
  },
  {
    name: 'give a file its name before it is on disk',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: '    await file.sync();\n',
    replace: '',
  },
  {
    name: 'leave a part of a file that is not wanted any more',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: 'for (const left of [part, note])',
    replace: 'for (const left of [note])',
  },
  {
    name: 'take any part of a file for the one that was asked for',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: "const goesOn = statusCode === 206 && headers['content-range']?.startsWith(",
    replace: "const goesOn = statusCode === 206 || headers['content-range']?.startsWith(",
  },
  {
    name: 'take a weak ETag for the promise of the same bytes',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: "if (!etag?.startsWith('\"')) {",
    replace: 'if (!etag) {',
  },
  {
    name: 'write all of a file behind the part that is there',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: 'if (!goesOn) at.have = at.synced = 0;',
    replace: 'if (!goesOn) at.synced = 0;',
  },
  {
    name: 'leave the end of a longer version behind a shorter one',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: '  await file.truncate(at.have);\n',
    replace: '',
  },
  {
    name: 'load all of a file again after each start',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: 'const have = !known ? 0 :',
    replace: 'const have = known ? 0 :',
  },
  {
    name: 'do not look at the SHA-256 that was stated',
    file: `${DOWNLOADS_FOLDER}/download.ts`,
    find: 'if (what.sha256 && what.sha256.toLowerCase() !== sha256)',
    replace: 'if (what.sha256 && !sha256)',
  },
];
