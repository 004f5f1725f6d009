/** What can be fuzzed by coverage, by name: its file in targets/, and which code's branches guide it. */
export const TARGETS = {
  'device-mqtt': { file: 'deviceMqtt.ts', watched: /^runtime\/mqtt\// },
  'service-mqtt': {
    file: 'serviceMqtt.ts',
    watched: /^(targets\/service\/gateway\/|node_modules\/mqtt-packet\/(parser|packet|constants)\.js)/,
  },
  payloads: { file: 'payloads.ts', watched: /^(runtime\/jobs\/[^/]+\.ts|targets\/service\/jobs\/decide\.ts)/ },
  documents: { file: 'documents.ts', watched: /^runtime\/jobs\/(document|guards|operations|json)\.ts/ },
  http: {
    file: 'http.ts',
    watched: /^(targets\/service\/(http|operations|dataPlane)\/|runtime\/jobs\/(requests|json|statusDetails)\.ts)/,
  },
  provisioning: {
    file: 'provisioning.ts',
    watched: /^(targets\/service\/provisioning\/requests|runtime\/provisioning\/|node_modules\/cbor-x\/decode\.js)/,
  },
  link: { file: 'link.ts', watched: /^runtime\/(serial\/|crc32)/ },
} as const;

export type TargetName = keyof typeof TARGETS;
export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[];
